import type { Event } from '../../base/api/generated/types.ts'
import { events } from '../../base/api/kinds.ts'
import type { ServerContext } from './context.ts'

/** As upstream compacts etcd: every five minutes, to where the store was five minutes before. */
const everyMs = 5 * 60_000
/** Upstream's --event-ttl. */
const eventLifetimeMs = 60 * 60_000

/**
 * Keeps the store from growing without end: history older than five to ten minutes is forgotten, Events older than an hour
 * are deleted. Resolves once `signal` has aborted and no write is under way.
 */
export async function maintain(ctx: ServerContext, signal: AbortSignal): Promise<void> {
  for (let before = ctx.storage.revision; await passed(ctx, signal);) {
    const now = ctx.storage.revision
    try {
      await ctx.storage.store.compact(before)
      await deleteOldEvents(ctx)
    } catch (error) {
      ctx.log.error({ error }, 'the store could not be tidied up')
    }
    before = now
  }
}

const passed = ({ clock }: ServerContext, signal: AbortSignal): Promise<boolean> =>
  clock.sleep(everyMs, signal).then(
    () => true,
    () => false,
  )

async function deleteOldEvents({ registry, storage, clock }: ServerContext): Promise<void> {
  const resource = registry.find(events)
  if (!resource) return
  const old = storage.list(resource).items.filter((item) => clock.now() - lastSeen(item.object as Event) >= eventLifetimeMs)
  await Promise.all(old.map((item) => storage.delete(item)))
}

/** When the Event was last written; a stamp that cannot be read does not count. */
const lastSeen = ({ metadata, lastTimestamp, eventTime, series }: Event): number => {
  const stamps = [metadata.creationTimestamp, lastTimestamp, eventTime, series?.lastObservedTime]
  return Math.max(...stamps.map((stamp) => Date.parse(stamp ?? '') || 0))
}
