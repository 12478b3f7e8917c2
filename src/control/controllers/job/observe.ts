import type { Job, Pod } from '../../../base/api/generated/types.ts'
import { isPodReady, isPodTerminating } from '../lib/pods.ts'
import { failedIndexesOf, judgeFailure } from './failure-policy.ts'
import { formatIndexes, indexOf, isIndexed, parseIndexes } from './indexes.ts'

/** On every Pod of a Job until its end has been counted, so that none is lost from the count. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking'

export const isTracked = (pod: Pod): boolean => (pod.metadata.finalizers ?? []).includes(trackingFinalizer)

/** A Job's Pods and counts as one round sees them. */
export interface Observed {
  readonly active: readonly Pod[]
  readonly terminating: readonly Pod[]
  readonly ready: number
  /** Ended Pods that no counter has yet, by uid: what status.uncountedTerminatedPods is to say. */
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] }
  /** Counters plus what was uncounted and has been let go meanwhile. */
  readonly counted: { readonly succeeded: number; readonly failed: number }
  readonly succeeded: number
  readonly failed: number
  readonly failedPods: readonly Pod[]
  readonly succeededPods: readonly Pod[]
  readonly completedIndexes: ReadonlySet<number>
  readonly failedIndexes: ReadonlySet<number>
}

/** Pods on their way out count as failed, unless the Job replaces only those that have failed. */
const isFailed = (job: Job, pod: Pod): boolean =>
  pod.status?.phase === 'Failed' || (job.spec.podReplacementPolicy !== 'Failed' && isPodTerminating(pod) && pod.status?.phase !== 'Succeeded')

export const observe = (job: Job, pods: readonly Pod[]): Observed => {
  const before = job.status?.uncountedTerminatedPods ?? {}
  const tracked = new Set(pods.filter(isTracked).map(({ metadata }) => metadata.uid))
  const known = new Set([...(before.succeeded ?? []), ...(before.failed ?? [])])
  const fresh = pods.filter((pod) => isTracked(pod) && !known.has(pod.metadata.uid))
  const freshSucceeded = fresh.filter((pod) => pod.status?.phase === 'Succeeded' && isOfSomeIndex(job, pod))
  const failedPods = pods.filter((pod) => isFailed(job, pod))
  const freshFailed = fresh.filter((pod) => isFailed(job, pod) && judgeFailure(job, pod).action !== 'Ignore')
  const still = (uids: readonly string[] | undefined) => (uids ?? []).filter((uid) => tracked.has(uid))
  const gone = (uids: readonly string[] | undefined) => (uids ?? []).filter((uid) => !tracked.has(uid)).length
  const uncounted = {
    succeeded: [...still(before.succeeded), ...freshSucceeded.map(({ metadata }) => metadata.uid)],
    failed: [...still(before.failed), ...freshFailed.map(({ metadata }) => metadata.uid)],
  }
  const counted = { succeeded: (job.status?.succeeded ?? 0) + gone(before.succeeded), failed: (job.status?.failed ?? 0) + gone(before.failed) }
  const limit = job.spec.completions ?? 0
  const completedIndexes = new Set([...parseIndexes(job.status?.completedIndexes, limit), ...freshSucceeded.flatMap((pod) => indexOf(job, pod) ?? [])])
  const failedIndexes = new Set([...parseIndexes(job.status?.failedIndexes, limit), ...failedIndexesOf(job, failedPods)])
  const active = pods.filter((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed' && !isPodTerminating(pod))
  return {
    active,
    terminating: pods.filter((pod) => isPodTerminating(pod) && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed'),
    ready: active.filter(isPodReady).length,
    uncounted,
    counted: isIndexed(job) ? { ...counted, succeeded: completedIndexes.size } : counted,
    succeeded: isIndexed(job) ? completedIndexes.size : counted.succeeded + uncounted.succeeded.length,
    failed: counted.failed + uncounted.failed.length,
    failedPods,
    succeededPods: pods.filter((pod) => pod.status?.phase === 'Succeeded'),
    completedIndexes,
    failedIndexes: new Set([...failedIndexes].filter((index) => !completedIndexes.has(index))),
  }
}

const isOfSomeIndex = (job: Job, pod: Pod): boolean => !isIndexed(job) || indexOf(job, pod) !== undefined

/** The Job's index fields, where it has indexes. */
export const indexFields = (job: Job, { completedIndexes, failedIndexes }: Observed) => ({
  ...(isIndexed(job) && completedIndexes.size > 0 ? { completedIndexes: formatIndexes(completedIndexes) } : {}),
  ...(isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined ? { failedIndexes: formatIndexes(failedIndexes) } : {}),
})
