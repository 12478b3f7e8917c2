import jsonPatch from 'fast-json-patch'
import type { ObjectMeta } from '../api/generated/types.ts'
import { apiVersionOf, type Kind } from '../api/kind.ts'
import { namespaces, pods } from '../api/kinds.ts'
import { type Draft, keyOf, type KubeList, type KubeObject, type Mutable, mutableCopy } from '../api/object.ts'
import { type Clock, FakeClock } from '../lib/clock.ts'
import { StatusError } from '../machinery/status-error.ts'
import type { Client, DeleteOptions, ListOptions, ObjectRef, PatchType, WatchEvent } from './client.ts'
import { isSelected } from './fake-selectors.ts'
import { FakeStore, kindId, notFound } from './fake-store.ts'
import { stampOf } from './stamp.ts'

type Loose = Record<string, unknown>
type Stored = KubeObject & { readonly spec?: Loose; readonly status?: Loose }

/**
 * The API in memory, for unit tests: revisions, watch, compare-and-swap, generations, the status and finalize subresources, finalizers, grace
 * periods of Pods. No defaults, no validation. A strategic patch is taken as a merge patch. Objects handed out are frozen.
 */
export class FakeClient implements Client {
  readonly store = new FakeStore()
  /** Every write that changed something, such as `create pods default/web-1`, in order. */
  readonly writes: string[] = []
  /** May throw to refuse a request: `verb` is create, update, patch or delete. */
  refuse: (verb: string, kind: Kind, name: string) => void = () => undefined
  readonly #clock: Clock
  #names = 0

  constructor(options: { clock?: Clock } = {}) {
    this.#clock = options.clock ?? new FakeClock()
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef): Promise<T> {
    return this.#find(kind, ref) as T
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const items = [...this.store.of(kind).values()].filter((object) => isSelected(object, options)) as T[]
    return { apiVersion: apiVersionOf(kind), kind: `${kind.kind}List`, metadata: { resourceVersion: String(this.store.revision), continue: '' }, items }
  }

  async *watch<T extends KubeObject>(kind: Kind<T>, options: ListOptions & { signal: AbortSignal }): AsyncGenerator<WatchEvent<T>> {
    const { signal } = options
    let next = this.store.log.findIndex((entry) => entry.revision > Number(options.resourceVersion ?? 0))
    if (next < 0) next = this.store.log.length
    while (!signal.aborted) {
      const entry = this.store.log[next]
      if (!entry) await this.#appended(signal)
      else {
        next++
        if (entry.kind === kindId(kind) && isSelected(entry.event.object, options)) yield entry.event as WatchEvent<T>
      }
    }
  }

  async create<T extends KubeObject>(kind: Kind<T>, draft: Draft<T>): Promise<T> {
    const object = this.#initial(kind, draft as Draft<KubeObject>)
    this.refuse('create', kind, object.metadata.name)
    if (this.store.of(kind).has(keyOf(object))) {
      throw new StatusError('AlreadyExists', `${kind.plural} "${object.metadata.name}" already exists`, { name: object.metadata.name, kind: kind.plural })
    }
    return this.#wrote('create', kind, this.store.put(kind, object)) as T
  }

  async update<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options: { subresource?: string } = {}): Promise<T> {
    const draft = object as unknown as Stored
    const old = this.#find(kind, draft.metadata)
    this.refuse('update', kind, old.metadata.name)
    return this.#replace('update', kind, old, mutableCopy(draft) as Stored, options.subresource) as T
  }

  async patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: unknown, options: { type: PatchType; subresource?: string }): Promise<T> {
    const old = this.#find(kind, ref)
    this.refuse('patch', kind, ref.name)
    const copy = mutableCopy(old)
    const patched = options.type === 'json' ? jsonPatch.applyPatch(copy, patch as jsonPatch.Operation[]).newDocument : merge(copy, patch)
    const { metadata } = patched as Stored
    const named = (patch as { metadata?: { resourceVersion?: string } } | undefined)?.metadata?.resourceVersion
    return this.#replace('patch', kind, old, { ...(patched as Stored), metadata: { ...metadata, resourceVersion: named ?? '' } }, options.subresource) as T
  }

  async delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const object = this.#find(kind, ref)
    this.refuse('delete', kind, ref.name)
    const { uid, resourceVersion } = options.preconditions ?? {}
    if ((uid && uid !== object.metadata.uid) || (resourceVersion && resourceVersion !== object.metadata.resourceVersion)) throw conflict(kind, ref.name)
    this.#delete(kind, object, options)
  }

  async deleteCollection<T extends KubeObject>(kind: Kind<T>, options: ListOptions & DeleteOptions): Promise<void> {
    for (const object of (await this.list(kind, options)).items) this.#delete(kind, object, options)
  }

  async createSubresource<R>(kind: Kind, ref: ObjectRef, subresource: string, body: object): Promise<R> {
    if (kind.plural !== 'pods' || subresource !== 'binding') throw new StatusError('MethodNotAllowed', `${subresource} is not part of the fake`)
    const nodeName = (body as { target: { name: string } }).target.name
    const pod = this.#find(pods, ref)
    this.#replace('bind', pods, pod, { ...pod, spec: { ...pod.spec, nodeName } })
    return {} as R
  }

  #appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        stop()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const stop = this.store.onAppend(end)
      signal.addEventListener('abort', end)
    })
  }

  #find(kind: Kind, { namespace, name }: ObjectRef): Stored {
    const object = this.store.of(kind).get(kind.namespaced ? `${namespace ?? 'default'}/${name}` : name)
    if (!object) throw notFound(kind, name)
    return object as Stored
  }

  #initial(kind: Kind, draft: Draft<KubeObject>): KubeObject {
    const serial = ++this.#names
    const given = draft.metadata ?? {}
    const metadata = {
      ...given,
      name: given.name ?? `${given.generateName ?? ''}${serial.toString(36).padStart(5, 'x')}`,
      ...(kind.namespaced ? { namespace: given.namespace ?? 'default' } : {}),
      uid: given.uid ?? `00000000-0000-4000-8000-${serial.toString(16).padStart(12, '0')}`,
      creationTimestamp: given.creationTimestamp ?? stampOf(this.#clock.now()),
      generation: 1,
    } as ObjectMeta
    const finalizers = kind.plural === namespaces.plural ? { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } } : {}
    return mutableCopy(definedOnly({ ...finalizers, ...draft, metadata })) as KubeObject
  }

  #replace(verb: string, kind: Kind, old: Stored, draft: Stored, subresource?: string): KubeObject {
    const { resourceVersion } = draft.metadata
    if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) throw conflict(kind, old.metadata.name)
    const next = definedOnly(merged(old, draft, subresource)) as Stored
    if (sameContent(next, old)) return old
    const changedSpec = JSON.stringify(next.spec) !== JSON.stringify(old.spec)
    const generation = (old.metadata.generation ?? 1) + (changedSpec ? 1 : 0)
    const object: Stored = { ...next, metadata: { ...next.metadata, generation } }
    if (isFinished(object)) return (this.#remove(kind, object), object)
    return this.#wrote(subresource ? `${verb}/${subresource}` : verb, kind, this.store.put(kind, object))
  }

  #delete(kind: Kind, object: Stored, options: DeleteOptions) {
    const finalizers = finalizersAfter(object, options)
    const graceSeconds = kind.plural === pods.plural && object.spec?.nodeName ? (options.gracePeriodSeconds ?? 30) : 0
    if (finalizers.length === 0 && graceSeconds === 0 && !(object.spec?.finalizers as string[] | undefined)?.length) return this.#remove(kind, object)
    const deletionTimestamp = object.metadata.deletionTimestamp ?? stampOf(this.#clock.now() + graceSeconds * 1000)
    const metadata = { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds, ...(finalizers.length ? { finalizers } : {}) }
    const status = kind.plural === namespaces.plural ? { status: { ...object.status, phase: 'Terminating' } } : {}
    const next = { ...object, ...status, metadata } as Stored
    if (!sameContent(next, object)) this.#wrote('delete', kind, this.store.put(kind, next))
  }

  #remove(kind: Kind, object: KubeObject) {
    this.store.remove(kind, object)
    this.#wrote('delete', kind, object)
  }

  #wrote(verb: string, kind: Kind, object: KubeObject): KubeObject {
    this.writes.push(`${verb} ${kind.plural} ${keyOf(object)}`)
    return object
  }
}

const conflict = (kind: Kind, name: string) =>
  new StatusError(
    'Conflict',
    `Operation cannot be fulfilled on ${kind.plural} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
  )

/** What a write to `subresource` (or to the object itself) leaves: status and the rest are written apart. */
const merged = (old: Stored, draft: Stored, subresource: string | undefined): Stored => {
  if (subresource === 'status') return { ...old, ...(draft.status ? { status: draft.status } : {}) }
  const { uid, creationTimestamp, deletionTimestamp, resourceVersion } = old.metadata
  const metadata = { ...draft.metadata, uid, creationTimestamp, resourceVersion, ...(deletionTimestamp ? { deletionTimestamp } : {}) }
  const hasStatus = old.status !== undefined || draft.spec !== undefined
  return { ...draft, metadata, ...(hasStatus ? { status: old.status } : {}) } as Stored
}

const isFinished = ({ metadata, spec }: Stored): boolean =>
  metadata.deletionTimestamp !== undefined &&
  !metadata.deletionGracePeriodSeconds &&
  !metadata.finalizers?.length &&
  !(spec?.finalizers as string[] | undefined)?.length

const finalizersAfter = ({ metadata }: KubeObject, { propagationPolicy }: DeleteOptions): string[] => {
  const kept = (metadata.finalizers ?? []).filter((name) => !propagationPolicy || (name !== 'orphan' && name !== 'foregroundDeletion'))
  const added = propagationPolicy === 'Orphan' ? ['orphan'] : propagationPolicy === 'Foreground' ? ['foregroundDeletion'] : []
  return [...kept, ...added]
}

const sameContent = (a: Stored, b: Stored): boolean => canonical({ ...a, metadata: content(a.metadata) }) === canonical({ ...b, metadata: content(b.metadata) })

const content = ({ resourceVersion: _revision, generation: _generation, ...rest }: ObjectMeta) => rest

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  )

const merge = (target: unknown, patch: unknown): unknown => {
  if (!patch || typeof patch !== 'object' || Array.isArray(patch)) return patch
  const result: Loose = { ...(target && typeof target === 'object' && !Array.isArray(target) ? (target as Mutable<Loose>) : {}) }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else if (value !== undefined) result[name] = merge(result[name], value)
  }
  return result
}

const definedOnly = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T
