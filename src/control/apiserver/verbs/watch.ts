import { setMaxListeners } from 'node:events'
import { CompactedError, type StoreEvent, type StoreWatcher } from '../../store/store.ts'
import type { Call, ServerContext } from '../context.ts'
import { expired } from '../errors.ts'
import type { Outcome, WatchRecord } from '../outcome.ts'
import { isTruthy } from '../route.ts'
import { parseSelection, selectedName, type Selection } from '../selection.ts'
import { typeMetaOf } from '../storage/object-storage.ts'
import { checkWatchOptions, integer, parseRevision, tooLarge, wantsInitialEvents } from './list-options.ts'
import { RecordQueue } from './record-queue.ts'

const bookmarkEveryMs = 60_000
/** As upstream: streams end after 30 to 60 minutes, so that clients spread over servers. */
const defaultTimeoutMs = () => (1 + Math.random()) * 1_800_000

export function watchVerb(ctx: ServerContext, call: Call): Outcome {
  const { resource, route, request } = call
  checkWatchOptions(request.query)
  const selection = oneName(parseSelection(resource, request.query), route.name)
  const asked = parseRevision(request.query.get('resourceVersion') ?? '')
  if (asked > ctx.storage.revision) throw tooLarge(asked, ctx.storage.revision)
  const queue = new RecordQueue()
  const initial = wantsInitialEvents(request.query, asked)
  const from = initial ? pushInitial(ctx, call, { queue, selection }) : asked || ctx.storage.revision
  subscribe(ctx, call, { queue, selection, from })
  return { type: 'watch', resource, records: queue }
}

interface Subscription {
  readonly queue: RecordQueue
  readonly selection: Selection | undefined
  readonly from: number
}

const oneName = (selection: Selection | undefined, name: string): Selection | undefined =>
  name ? (object) => object.metadata.name === name && (!selection || selection(object)) : selection

/** What is there now, as ADDED events; gives the revision that the live events follow. */
function pushInitial(ctx: ServerContext, { resource, route, request }: Call, { queue, selection }: Omit<Subscription, 'from'>): number {
  const range = ctx.storage.list(resource, route.namespace || undefined)
  for (const item of range.items) if (!selection || selection(item.object)) queue.push({ type: 'ADDED', item })
  if (isTruthy(request.query.get('sendInitialEvents')) && isTruthy(request.query.get('allowWatchBookmarks'))) {
    queue.push(bookmark(resource, range.revision, { 'k8s.io/initial-events-end': 'true' }))
  }
  return range.revision
}

const bookmark = (resource: Call['resource'], revision: number, annotations?: object): WatchRecord => ({
  type: 'BOOKMARK',
  object: { ...typeMetaOf(resource.kind), metadata: { resourceVersion: String(revision), ...(annotations ? { annotations } : {}) } },
})

function subscribe(ctx: ServerContext, call: Call, { queue, selection, from }: Subscription): void {
  const { resource, request } = call
  const watcher = startWatcher(ctx, call, { queue, selection, from })
  if (!watcher) return
  const timeoutMs = (integer(request.query, 'timeoutSeconds') ?? 0) * 1000 || defaultTimeoutMs()
  const cancels = [() => watcher.close(), ctx.clock.after(timeoutMs, () => queue.end())]
  if (isTruthy(request.query.get('allowWatchBookmarks'))) cancels.push(bookmarkPeriodically(ctx, () => queue.push(bookmark(resource, ctx.storage.revision))))
  const stop = () => queue.end()
  // One signal may end any number of watches.
  setMaxListeners(0, request.signal)
  request.signal.addEventListener('abort', stop, { once: true })
  queue.onEnd(() => {
    request.signal.removeEventListener('abort', stop)
    for (const cancel of cancels) cancel()
  })
  if (request.signal.aborted) queue.end()
}

/** Undefined when history is gone: as upstream, the stream then says so in its one event, under a status of 200. */
function startWatcher(ctx: ServerContext, { resource, route, request }: Call, { queue, selection, from }: Subscription): StoreWatcher | undefined {
  try {
    const place = { namespace: route.namespace || undefined, name: route.name || selectedName(request.query) }
    return ctx.storage.watch(resource, place, from, (event) => {
      const record = recordOf(ctx, resource, selection, event)
      if (record) queue.push(record)
    })
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error
    queue.fail(expired(`too old resource version: ${from} (${error.compactRevision})`))
    return undefined
  }
}

function bookmarkPeriodically(ctx: ServerContext, send: () => void): () => void {
  let cancel = () => {}
  const arm = () => {
    cancel = ctx.clock.after(bookmarkEveryMs, () => {
      send()
      arm()
    })
  }
  arm()
  return () => cancel()
}

/** With a selection, an object that starts or stops to match is ADDED or DELETED for this watcher. */
function recordOf(ctx: ServerContext, resource: Call['resource'], selection: Selection | undefined, event: StoreEvent): WatchRecord | undefined {
  const item = ctx.storage.item(resource, event)
  const previous = event.previous && ctx.storage.item(resource, event.previous)
  if (event.type === 'delete') return !selection || selection(item.object) ? { type: 'DELETED', item } : undefined
  if (!selection) return { type: previous ? 'MODIFIED' : 'ADDED', item }
  const [before, now] = [previous !== undefined && selection(previous.object), selection(item.object)]
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', item }
  // Upstream sends the old state, at the revision of the change.
  return before ? { type: 'DELETED', item: ctx.storage.outdated(previous!, event.revision) } : undefined
}
