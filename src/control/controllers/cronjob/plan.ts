// What a CronJob's schedule asks for now, decided from its Jobs and the time. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
import type { CronJob, Job } from '../../../base/api/generated/types.ts'
import { parseSchedule } from './schedule.ts'

// As upstream: beyond this many missed times something is taken to be wrong with the clock.
const tooMany = 100

export type Due =
  | { readonly do: 'nothing' }
  | { readonly do: 'start'; readonly atMs: number; readonly replaces: readonly Job[] }
  /** Time passed without a Job, and why. */
  | { readonly do: 'skip'; readonly atMs: number; readonly why: 'late' | 'running' }

export interface Plan {
  readonly due: Due
  /** Set where so many times were missed that it deserves a warning. */
  readonly missedCount?: number
  readonly nextMs: number | undefined
}

/** Throws where the schedule cannot be read. */
export const plan = (cronJob: CronJob, active: readonly Job[], nowMs: number): Plan => {
  const { spec, status, metadata } = cronJob
  const schedule = parseSchedule(spec.schedule, spec.timeZone)
  const deadlineMs = spec.startingDeadlineSeconds === undefined ? undefined : spec.startingDeadlineSeconds * 1000
  const since = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp)
  const afterMs = deadlineMs === undefined ? since : Math.max(since, nowMs - deadlineMs)
  const nextMs = schedule.next(nowMs)
  const missed = schedule.missed({ afterMs, untilMs: nowMs, limit: tooMany })
  if (!missed) return { due: { do: 'nothing' }, nextMs }
  const warning = missed.count > tooMany ? { missedCount: missed.count } : {}
  return {
    due: dueAt(cronJob, active, { atMs: missed.latestMs, isLate: deadlineMs !== undefined && missed.latestMs + deadlineMs < nowMs }),
    nextMs,
    ...warning,
  }
}

const dueAt = ({ spec }: CronJob, active: readonly Job[], { atMs, isLate }: { atMs: number; isLate: boolean }): Due => {
  if (isLate) return { do: 'skip', atMs, why: 'late' }
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) return { do: 'skip', atMs, why: 'running' }
  return { do: 'start', atMs, replaces: spec.concurrencyPolicy === 'Replace' ? active : [] }
}

/** Finished Jobs beyond what the history keeps, oldest first. */
export const beyondHistory = (finished: readonly Job[], limit: number): readonly Job[] => {
  const oldestFirst = finished.toSorted((a, b) => startOf(a) - startOf(b) || (a.metadata.name < b.metadata.name ? -1 : 1))
  return oldestFirst.slice(0, Math.max(0, finished.length - limit))
}

const startOf = ({ metadata, status }: Job): number => Date.parse(status?.startTime ?? metadata.creationTimestamp)

/** The name of the Job of a time: minutes since the epoch, so that the same time never makes two. */
export const jobName = (cronJob: CronJob, atMs: number): string => `${cronJob.metadata.name}-${Math.floor(atMs / 60_000)}`
