import type { Job, Pod } from '../../../base/api/generated/types.ts'
import { burst } from '../lib/pod-control.ts'
import { indexFailures } from './failure-policy.ts'
import { indexOf, isIndexed } from './indexes.ts'
import type { Observed } from './observe.ts'

// As upstream: ten seconds, doubled with each failure in a row, ten minutes at most.
const firstDelayMs = 10_000
const longestDelayMs = 600_000

export interface NewPod {
  readonly index?: number
  /** How often its index has failed before. */
  readonly failures: number
}

export interface Wanted {
  readonly create: readonly NewPod[]
  readonly delete: readonly Pod[]
  /** When more may be created, where failures hold it back. */
  readonly waitMs?: number
}

/** Which Pods to make or remove so that as many run as the Job wants. */
export const podsWanted = (job: Job, observed: Observed, nowMs: number): Wanted => {
  const { active } = observed
  const parallelism = job.spec.parallelism ?? 1
  const { completions } = job.spec
  const left =
    completions === undefined ? (observed.succeeded > 0 ? active.length : parallelism) : completions - observed.succeeded - observed.failedIndexes.size
  const target = Math.max(0, Math.min(parallelism, left))
  const surplus = [...superfluous(job, observed)]
  const kept = active.filter((pod) => !surplus.includes(pod))
  if (kept.length > target) surplus.push(...youngestFirst(kept).slice(0, kept.length - target))
  if (surplus.length > 0) return { create: [], delete: surplus.slice(0, burst) }
  // Those on their way out still run: a Job that replaces only failed ones waits for their end.
  const occupied = kept.length + (job.spec.podReplacementPolicy === 'Failed' ? observed.terminating.length : 0)
  const missing = Math.min(target - occupied, burst)
  if (missing <= 0) return { create: [], delete: [] }
  return isIndexed(job) ? missingIndexes(job, observed, { missing, nowMs }) : plain(observed, { missing, nowMs })
}

/** Active Pods of an index that is over, or that another Pod works on. */
const superfluous = (job: Job, { active, completedIndexes, failedIndexes }: Observed): readonly Pod[] => {
  if (!isIndexed(job)) return []
  const seen = new Set<number>()
  return active.filter((pod) => {
    const index = indexOf(job, pod)
    const isOver = index === undefined || completedIndexes.has(index) || failedIndexes.has(index) || seen.has(index)
    if (index !== undefined) seen.add(index)
    return isOver
  })
}

const youngestFirst = (pods: readonly Pod[]): readonly Pod[] => {
  const rank = ({ status }: Pod) => (status?.phase === 'Running' ? 1 : 0)
  return pods.toSorted((a, b) => rank(a) - rank(b) || (a.metadata.creationTimestamp > b.metadata.creationTimestamp ? -1 : 1))
}

const plain = (observed: Observed, { missing, nowMs }: { missing: number; nowMs: number }): Wanted => {
  const waitMs = waitForAll(observed, nowMs)
  return waitMs > 0 ? { create: [], delete: [], waitMs } : { create: Array.from({ length: missing }, () => ({ failures: 0 })), delete: [] }
}

const missingIndexes = (job: Job, observed: Observed, { missing, nowMs }: { missing: number; nowMs: number }): Wanted => {
  const busy = new Set([...observed.active, ...(job.spec.podReplacementPolicy === 'Failed' ? observed.terminating : [])].map((pod) => indexOf(job, pod)))
  const sharedWaitMs = job.spec.backoffLimitPerIndex === undefined ? waitForAll(observed, nowMs) : undefined
  const create: NewPod[] = []
  const waits: number[] = []
  for (let index = 0; index < (job.spec.completions ?? 0) && create.length < missing; index++) {
    if (busy.has(index) || observed.completedIndexes.has(index) || observed.failedIndexes.has(index)) continue
    const before = observed.failedPods.filter((pod) => indexOf(job, pod) === index)
    const failures = Math.max(0, ...before.map((pod) => indexFailures(job, pod)))
    const waitMs = sharedWaitMs ?? waitFor(failures, before, nowMs)
    if (waitMs > 0) waits.push(waitMs)
    else create.push({ index, failures })
  }
  return { create, delete: [], ...(waits.length > 0 ? { waitMs: Math.min(...waits) } : {}) }
}

/** Failures in a row hold back the whole Job: those since its last success. */
const waitForAll = ({ failedPods, succeededPods }: Observed, nowMs: number): number => {
  const lastSuccessMs = Math.max(0, ...succeededPods.map(endOf))
  const inARow = failedPods.filter((pod) => endOf(pod) > lastSuccessMs)
  return waitFor(inARow.length, inARow, nowMs)
}

/** How long this many failures hold back the next Pod: counted from the end of the last one. */
const waitFor = (failures: number, failedPods: readonly Pod[], nowMs: number): number => {
  if (failures === 0) return 0
  const delayMs = Math.min(firstDelayMs * 2 ** (failures - 1), longestDelayMs)
  return Math.max(...failedPods.map(endOf)) + delayMs - nowMs
}

const endOf = ({ metadata, status }: Pod): number => {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.terminated?.finishedAt ?? [])
  return Math.max(...(ends.length > 0 ? ends : [metadata.deletionTimestamp ?? metadata.creationTimestamp]).map((text) => Date.parse(text)))
}
