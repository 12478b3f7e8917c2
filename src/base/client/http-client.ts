import { apiVersionOf, type Kind } from '../api/kind.ts'
import type { Status } from '../api/generated/types.ts'
import type { Draft, KubeList, KubeObject } from '../api/object.ts'
import { StatusError } from '../machinery/status-error.ts'
import { apiPath, queryOf } from './api-path.ts'
import type { Client, DeleteOptions, ListOptions, PatchType, WatchEvent, WatchEventType } from './client.ts'
import { createHttpTransport, type HttpTransport, type HttpTransportOptions, unreachable } from './http-transport.ts'

export type HttpClientOptions = HttpTransportOptions

const patchMediaTypes: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
}

/** The API over HTTPS, on kept-alive connections: by URL, or by a unix socket that speaks TLS. */
export const createHttpClient = (options: HttpClientOptions): Client => {
  const transport = createHttpTransport(options)
  return {
    get: (kind, ref, { subresource } = {}) => transport.json({ method: 'GET', path: apiPath(kind, { ...ref, subresource }) }),
    list: async <T extends KubeObject>(kind: Kind<T>, listOptions: ListOptions = {}) =>
      completed(kind, await transport.json<KubeList<T>>({ method: 'GET', path: collectionPath(kind, listOptions) })),
    watch: (kind, watchOptions) => watch(transport, kind, watchOptions),
    create: (kind, object) => transport.json({ method: 'POST', path: apiPath(kind, { namespace: namespaceOf(kind, object) }), body: typed(kind, object) }),
    update: (kind, object, { subresource } = {}) => {
      const name = (object.metadata as { name?: string } | undefined)?.name ?? ''
      return transport.json({ method: 'PUT', path: apiPath(kind, { namespace: namespaceOf(kind, object), name, subresource }), body: typed(kind, object) })
    },
    patch: (kind, ref, patch, { type, subresource }) =>
      transport.json({ method: 'PATCH', path: apiPath(kind, { ...ref, subresource }), body: patch, contentType: patchMediaTypes[type] }),
    delete: async (kind, ref, deleteOptions) => {
      await transport.json({ method: 'DELETE', path: apiPath(kind, ref), body: deleteBody(deleteOptions) })
    },
    deleteCollection: async (kind, collectionOptions) => {
      await transport.json({ method: 'DELETE', path: collectionPath(kind, collectionOptions), body: deleteBody(collectionOptions) })
    },
    createSubresource: <R>(kind: Kind, ref: { namespace?: string | undefined; name: string }, subresource: string, body: object) =>
      transport.json<R>({ method: 'POST', path: apiPath(kind, { ...ref, subresource }), body }),
  }
}

const namespaceOf = (kind: Kind, object: object): string | undefined =>
  kind.namespaced ? ((object as { metadata?: { namespace?: string } }).metadata?.namespace ?? 'default') : undefined

const typed = <T extends KubeObject>(kind: Kind<T>, object: Draft<T>) => ({ ...(object as object), apiVersion: apiVersionOf(kind), kind: kind.kind })

const collectionPath = (kind: Kind, options: ListOptions, extra: Readonly<Record<string, string | boolean | undefined>> = {}) => {
  const { labelSelector, fieldSelector, limit, resourceVersion } = options
  return (
    apiPath(kind, { namespace: options.namespace }) + queryOf({ labelSelector, fieldSelector, limit, resourceVersion, continue: options.continue, ...extra })
  )
}

// The items of a list come without their apiVersion and kind, as upstream sends them; here every object carries both.
const completed = <T extends KubeObject>(kind: Kind<T>, list: KubeList<T>): KubeList<T> => {
  const type = { apiVersion: apiVersionOf(kind), kind: kind.kind }
  return { ...list, items: (list.items ?? []).map((item) => (item.kind ? item : { ...type, ...item })) }
}

const deleteBody = ({ gracePeriodSeconds, propagationPolicy, preconditions }: DeleteOptions = {}) => ({
  apiVersion: 'v1',
  kind: 'DeleteOptions',
  gracePeriodSeconds,
  propagationPolicy,
  preconditions,
})

async function* watch<T extends KubeObject>(
  transport: HttpTransport,
  kind: Kind<T>,
  options: ListOptions & { signal: AbortSignal; allowWatchBookmarks?: boolean },
): AsyncGenerator<WatchEvent<T>> {
  const { signal } = options
  try {
    const path = collectionPath(kind, options, { watch: true, allowWatchBookmarks: options.allowWatchBookmarks })
    const response = await transport.open({ method: 'GET', path, signal, stream: true })
    for await (const line of lines(response)) yield eventOf<T>(line)
  } catch (error) {
    if (signal.aborted) return
    throw error instanceof StatusError ? error : unreachable(error as Error)
  }
}

const eventOf = <T extends KubeObject>(line: string): WatchEvent<T> => {
  const event = JSON.parse(line) as { type: WatchEventType | 'ERROR'; object: unknown }
  if (event.type === 'ERROR') throw StatusError.from(event.object as Status)
  return event as WatchEvent<T>
}

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer[] = []
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...rest, chunk.subarray(start, end)])
        .toString('utf8')
        .trim()
      rest = []
      start = end + 1
      if (line) yield line
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
  }
}
