import { apiVersionOf, type Kind } from '../../base/api/kind.ts'
import type { Draft, KubeList, KubeObject } from '../../base/api/object.ts'
import type { Client, DeleteOptions, ListOptions, ObjectRef, PatchType, WatchEvent } from '../../base/client/client.ts'
import { StatusError } from '../../base/machinery/status-error.ts'
import type { Status } from '../../base/api/generated/types.ts'
import type { Outcome } from './outcome.ts'
import { listMetadata } from './render/render.ts'
import type { RequestMetrics } from './request-metrics.ts'
import type { ApiRequest, UserInfo } from './request.ts'
import { parseRoute, type Route } from './route.ts'

type Dispatch = (request: ApiRequest, warnings: string[], route: Route | undefined) => Promise<Outcome>

export interface LoopbackOptions {
  readonly dispatch: Dispatch
  readonly requests: RequestMetrics
  readonly user: UserInfo
}

interface Wanted {
  readonly method: string
  readonly kind: Kind
  readonly ref?: Partial<ObjectRef>
  readonly subresource?: string | undefined
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: object
  readonly contentType?: string
  readonly signal?: AbortSignal
}

const contentTypes: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
}
const never = new AbortController().signal

/** The API as one identity sees it, inside the server's process: every check is made, only bytes are not. */
export class LoopbackClient implements Client {
  readonly #dispatch: Dispatch
  readonly #requests: RequestMetrics
  readonly #user: UserInfo

  constructor({ dispatch, requests, user }: LoopbackOptions) {
    this.#dispatch = dispatch
    this.#requests = requests
    this.#user = user
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: { subresource?: string } = {}): Promise<T> {
    return objectOf<T>(await this.#ask({ method: 'GET', kind, ref, ...options }))
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, ...query } = options
    const outcome = await this.#ask({ method: 'GET', kind, ref: { namespace }, query })
    if (outcome.type !== 'list') return objectOf<KubeObject>(outcome) as unknown as KubeList<T>
    const metadata = listMetadata(outcome) as KubeList<T>['metadata']
    return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items: outcome.items.map((item) => item.object as T) }
  }

  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    options: ListOptions & { signal: AbortSignal; allowWatchBookmarks?: boolean },
  ): AsyncIterable<WatchEvent<T>> {
    const { namespace, signal, ...query } = options
    if (signal.aborted) return
    const outcome = await this.#ask({ method: 'GET', kind, ref: { namespace }, query: { ...query, watch: true }, signal })
    if (outcome.type !== 'watch') return
    for await (const { type, item, object } of outcome.records) {
      if (type === 'ERROR') throw StatusError.from(object as Status)
      if (signal.aborted) return
      yield { type, object: (item?.object ?? object) as T }
    }
  }

  async create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>): Promise<T> {
    const { namespace } = metadataOf(object)
    return objectOf<T>(await this.#ask({ method: 'POST', kind, ref: { namespace }, body: object as object }))
  }

  async update<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options: { subresource?: string } = {}): Promise<T> {
    const { namespace, name = '' } = metadataOf(object)
    return objectOf<T>(await this.#ask({ method: 'PUT', kind, ref: { namespace, name }, body: object as object, ...options }))
  }

  async patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: unknown, options: { type: PatchType; subresource?: string }): Promise<T> {
    const { type, subresource } = options
    return objectOf<T>(await this.#ask({ method: 'PATCH', kind, ref, subresource, body: patch as object, contentType: contentTypes[type] }))
  }

  async delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    await this.#ask({ method: 'DELETE', kind, ref, body: options })
  }

  async deleteCollection<T extends KubeObject>(kind: Kind<T>, options: ListOptions & DeleteOptions): Promise<void> {
    const { namespace, gracePeriodSeconds, propagationPolicy, preconditions, ...query } = options
    const body = { gracePeriodSeconds, propagationPolicy, preconditions }
    await this.#ask({ method: 'DELETE', kind, ref: { namespace }, query, body })
  }

  async createSubresource<R>(kind: Kind, ref: ObjectRef, subresource: string, body: object): Promise<R> {
    return objectOf<KubeObject>(await this.#ask({ method: 'POST', kind, ref, subresource, body })) as unknown as R
  }

  async #ask(wanted: Wanted): Promise<Outcome> {
    const request = requestOf(wanted, this.#user)
    const route = parseRoute(request)
    const finished = this.#requests.begin(request, route)
    try {
      const outcome = await this.#dispatch(request, [], route)
      if (outcome.type === 'watch') outcome.records.onEnd(() => finished(200))
      else finished('status' in outcome ? outcome.status : 200)
      return outcome
    } catch (error) {
      finished(error instanceof StatusError ? error.code : 500)
      throw error
    }
  }
}

function requestOf({ method, kind, ref, subresource, query = {}, body, contentType, signal = never }: Wanted, user: UserInfo): ApiRequest {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  return {
    method,
    path: pathOf(kind, ref, subresource),
    query: parameters,
    headers: { 'user-agent': componentOf(user), ...(contentType ? { 'content-type': contentType } : {}) },
    ...(body ? { body } : {}),
    user,
    signal,
  }
}

/** Under which name a component owns the fields that it writes: as upstream's, where every controller is of one process. */
function componentOf({ name }: UserInfo): string {
  if (name.startsWith('system:node:')) return 'kubelet'
  if (name.startsWith('system:serviceaccount:kube-system:')) return 'kube-controller-manager'
  return name.slice(name.lastIndexOf(':') + 1)
}

function pathOf(kind: Kind, { namespace, name }: Partial<ObjectRef> = {}, subresource?: string): string {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  const place = kind.namespaced && namespace ? `/namespaces/${namespace}` : ''
  return `${root}${place}/${kind.plural}${name ? `/${name}` : ''}${subresource ? `/${subresource}` : ''}`
}

const metadataOf = (object: unknown) => (object as { metadata?: { namespace?: string; name?: string } }).metadata ?? {}

function objectOf<T extends KubeObject>(outcome: Outcome): T {
  if (outcome.type === 'item') return outcome.item.object as T
  if (outcome.type === 'object') return outcome.object as T
  throw new StatusError('InternalError', `unexpected answer of type ${outcome.type}`)
}
