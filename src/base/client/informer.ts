import { setMaxListeners } from 'node:events'
import type { Kind } from '../api/kind.ts'
import { keyOf, type KubeObject } from '../api/object.ts'
import { createBackoff } from '../lib/backoff.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { isStatusError } from '../machinery/status-error.ts'
import type { Client, ListOptions, WatchEvent } from './client.ts'
import type { Informer } from './informer-contract.ts'
import { createObjectCache, type ObjectCache } from './object-cache.ts'

export interface InformerOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly log: Log
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

/** Starts at once and runs until `signal` aborts. If that happens before the first list, `synced` stays pending. */
export const createInformer = <T extends KubeObject>(client: Client, kind: Kind<T>, options: InformerOptions): Informer<T> => {
  // One signal ends dozens of informers: that is no leak of listeners.
  setMaxListeners(0, options.signal)
  const cache = createObjectCache<T>()
  const synced = new Promise<void>((resolve) => void run({ client, kind, cache, options, onSynced: resolve }))
  return { synced, get: cache.get, list: cache.list, byIndex: cache.byIndex, addIndex: cache.addIndex, onChange: cache.onChange }
}

interface Loop<T extends KubeObject> {
  readonly client: Client
  readonly kind: Kind<T>
  readonly cache: ObjectCache<T>
  readonly options: InformerOptions
  readonly onSynced: () => void
}

// A stream that lives at least this long was a healthy one; a shorter one counts as a failure and backs off.
const healthyStreamMs = 1000

const run = async <T extends KubeObject>(loop: Loop<T>): Promise<void> => {
  const { signal, clock } = loop.options
  const log = loop.options.log.child({ informer: loop.kind.plural })
  const backoff = createBackoff({ initialMs: 50, maxMs: 10_000, jitter: 0.5 })
  let revision: string | undefined
  while (!signal.aborted) {
    const startedAt = clock.monotonic()
    try {
      if (revision === undefined) revision = await relist(loop)
      for await (const event of watchFrom(loop, revision)) revision = applyEvent(loop.cache, event)
      log.debug({ revision }, 'the watch ended')
    } catch (error) {
      if (signal.aborted) return
      if (mustRelist(error)) revision = undefined
      log.debug({ error: (error as Error).message }, 'list or watch failed')
    }
    if (clock.monotonic() - startedAt >= healthyStreamMs) backoff.reset()
    await clock.sleep(backoff.next(), signal).catch(() => undefined)
  }
}

// Where the server is only away, the watch goes on from the last revision seen; any other answer means that it no longer knows it.
const mustRelist = (error: unknown) => !(isStatusError(error, 'ServiceUnavailable') || isStatusError(error, 'TooManyRequests'))

const selection = ({ namespace, labelSelector, fieldSelector }: InformerOptions): ListOptions => ({ namespace, labelSelector, fieldSelector })

const relist = async <T extends KubeObject>({ client, kind, cache, options, onSynced }: Loop<T>): Promise<string> => {
  const list = await client.list(kind, selection(options))
  cache.replace(list.items)
  onSynced()
  return list.metadata.resourceVersion ?? ''
}

const watchFrom = <T extends KubeObject>({ client, kind, options }: Loop<T>, resourceVersion: string) =>
  client.watch(kind, { ...selection(options), resourceVersion, signal: options.signal, allowWatchBookmarks: true })

const applyEvent = <T extends KubeObject>(cache: ObjectCache<T>, { type, object }: WatchEvent<T>): string => {
  if (type === 'DELETED') cache.remove(keyOf(object), object)
  else if (type !== 'BOOKMARK') cache.set(object)
  return object.metadata.resourceVersion
}
