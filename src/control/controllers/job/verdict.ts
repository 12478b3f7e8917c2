// Whether a Job is to end, and why, in upstream's reasons and texts.
import type { Job, JobCondition, Pod } from '../../../base/api/generated/types.ts'
import { judgeFailure } from './failure-policy.ts'
import { isIndexed, parseIndexes } from './indexes.ts'
import type { Observed } from './observe.ts'

export interface Verdict {
  readonly outcome: 'Failed' | 'Complete'
  readonly reason: string
  readonly message: string
}

const conditionOf = (job: Job, type: string): JobCondition | undefined =>
  job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True')

export const isFinished = (job: Job): boolean => conditionOf(job, 'Complete') !== undefined || conditionOf(job, 'Failed') !== undefined

/** A verdict that was written stands; its Pods are only waited for. */
const standing = (job: Job): Verdict | undefined => {
  const failing = conditionOf(job, 'FailureTarget')
  const succeeding = conditionOf(job, 'SuccessCriteriaMet')
  const condition = failing ?? succeeding
  return condition && { outcome: failing ? 'Failed' : 'Complete', reason: condition.reason ?? '', message: condition.message ?? '' }
}

export const judge = (job: Job, observed: Observed, nowMs: number): Verdict | undefined =>
  standing(job) ?? failure(job, observed, nowMs) ?? success(job, observed)

const failed = (reason: string, message: string): Verdict => ({ outcome: 'Failed', reason, message })

const failure = (job: Job, observed: Observed, nowMs: number): Verdict | undefined => {
  const { spec } = job
  for (const pod of observed.failedPods) {
    const { action, message = '' } = judgeFailure(job, pod)
    if (action === 'FailJob') return failed('PodFailurePolicy', message)
  }
  if (observed.failed > (spec.backoffLimit ?? 6) || isPastRestarts(job, observed.active)) {
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit')
  }
  const deadlineMs = deadlineOf(job)
  if (deadlineMs !== undefined && nowMs >= deadlineMs) return failed('DeadlineExceeded', 'Job was active longer than specified deadline')
  if (spec.maxFailedIndexes !== undefined && observed.failedIndexes.size > spec.maxFailedIndexes) {
    return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes')
  }
  const isAllOver = isIndexed(job) && observed.failedIndexes.size > 0 && observed.failedIndexes.size + observed.completedIndexes.size >= (spec.completions ?? 0)
  return isAllOver ? failed('FailedIndexes', 'Job has failed indexes') : undefined
}

/** With restartPolicy OnFailure a Pod does not fail: its containers' restarts count instead. */
const isPastRestarts = ({ spec }: Job, active: readonly Pod[]): boolean => {
  if (spec.template.spec?.restartPolicy !== 'OnFailure') return false
  const restarts = active.flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
  const count = restarts.reduce((sum, { restartCount }) => sum + restartCount, 0)
  return spec.backoffLimit === 0 ? count > 0 : count >= (spec.backoffLimit ?? 6)
}

/** When the Job's time is over; undefined where it has no deadline or has not started. */
export const deadlineOf = ({ spec, status }: Job): number | undefined =>
  spec.activeDeadlineSeconds === undefined || !status?.startTime || spec.suspend ? undefined : Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000

const success = (job: Job, observed: Observed): Verdict | undefined => {
  const rule = isIndexed(job) ? matchedSuccessRule(job, observed) : undefined
  if (rule !== undefined) return { outcome: 'Complete', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` }
  const { completions } = job.spec
  // Without completions any success means that the work is done, once the others have ended too.
  const isDone = completions === undefined ? observed.succeeded > 0 && observed.active.length === 0 : observed.succeeded >= completions
  return isDone && !job.spec.suspend ? { outcome: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined
}

const matchedSuccessRule = ({ spec }: Job, { completedIndexes }: Observed): number | undefined => {
  const at = (spec.successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    const listed = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, spec.completions ?? 0)
    const reached = [...completedIndexes].filter((index) => !listed || listed.has(index)).length
    return reached >= (succeededCount ?? listed?.size ?? Infinity)
  })
  return at < 0 ? undefined : at
}
