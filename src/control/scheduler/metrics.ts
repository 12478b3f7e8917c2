import { exponentialBounds, type MetricRegistry } from '../../base/lib/metrics.ts'

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error'

export interface SchedulerMetrics {
  attempted(result: AttemptResult, seconds: number): void
}

interface Observed {
  readonly profile: string
  /** How many Pods wait, by queue. */
  pending(): Readonly<Record<string, number>>
}

/** The `scheduler_*` metrics, under upstream's names. */
export function createSchedulerMetrics(registry: MetricRegistry, { profile, pending }: Observed): SchedulerMetrics {
  const attempts = registry.counter({
    name: 'scheduler_schedule_attempts_total',
    help: "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means an internal scheduler problem.",
    labels: ['profile', 'result'],
  })
  const duration = registry.histogram(
    {
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'Scheduling attempt latency in seconds (scheduling algorithm + binding)',
      labels: ['profile', 'result'],
    },
    exponentialBounds(0.001, 2, 15),
  )
  const waiting = registry.gauge({ name: 'scheduler_pending_pods', help: 'Number of pending pods, by the queue type.', labels: ['queue'] })
  registry.onCollect(() => {
    for (const [queue, count] of Object.entries(pending())) waiting.set(count, [queue])
  })
  return {
    attempted(result, seconds) {
      attempts.inc([profile, result])
      duration.observe(seconds, [profile, result])
    },
  }
}
