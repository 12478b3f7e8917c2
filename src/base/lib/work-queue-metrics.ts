import type { Clock } from './clock.ts'
import { exponentialBounds, type MetricRegistry } from './metrics.ts'

/** What a queue tells of itself. */
export interface WorkQueueObserver {
  added(key: string): void
  taken(key: string): void
  done(key: string): void
  retried(): void
}

const bounds = exponentialBounds(1e-8, 10, 12)

/** The `workqueue_*` metrics of client-go, for all queues of a process: each is told apart by its name. */
export function createWorkQueueMetrics(registry: MetricRegistry, clock: Clock): (name: string) => WorkQueueObserver {
  const labels = ['name']
  const depth = registry.gauge({ name: 'workqueue_depth', help: 'Current depth of workqueue', labels })
  const adds = registry.counter({ name: 'workqueue_adds_total', help: 'Total number of adds handled by workqueue', labels })
  const retries = registry.counter({ name: 'workqueue_retries_total', help: 'Total number of retries handled by workqueue', labels })
  const waited = registry.histogram(
    { name: 'workqueue_queue_duration_seconds', help: 'How long in seconds an item stays in workqueue before being requested.', labels },
    bounds,
  )
  const worked = registry.histogram(
    { name: 'workqueue_work_duration_seconds', help: 'How long in seconds processing an item from workqueue takes.', labels },
    bounds,
  )
  return (name) => {
    const own = [name]
    const since = new Map<string, number>()
    depth.set(0, own)
    const elapsed = (key: string): number => (clock.monotonic() - (since.get(key) ?? clock.monotonic())) / 1000
    return {
      added(key) {
        adds.inc(own)
        depth.inc(own)
        since.set(key, clock.monotonic())
      },
      taken(key) {
        depth.dec(own)
        waited.observe(elapsed(key), own)
        since.set(key, clock.monotonic())
      },
      done(key) {
        worked.observe(elapsed(key), own)
        since.delete(key)
      },
      retried: () => retries.inc(own),
    }
  }
}
