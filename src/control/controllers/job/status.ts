import type { Job, JobCondition, JobStatus } from '../../../base/api/generated/types.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { withoutZeros } from '../lib/semantic-equal.ts'
import { indexFields, type Observed } from './observe.ts'
import type { Verdict } from './verdict.ts'

interface Change {
  readonly type: string
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

/** What a Job reports. It is over only when its Pods are, and every one of them is counted; until then the verdict stands as an interim condition. */
export const jobStatus = (job: Job, observed: Observed, { verdict, nowMs }: { verdict: Verdict | undefined; nowMs: number }): JobStatus => {
  const { active, terminating, ready, uncounted, counted } = observed
  const isOver = verdict !== undefined && active.length === 0 && terminating.length === 0 && isAllCounted(observed)
  const conditions = conditionsOf(job, { verdict, isOver, nowMs })
  const isSuspended = job.spec.suspend === true && verdict === undefined
  const startTime = isSuspended ? undefined : (job.status?.startTime ?? stampOf(nowMs))
  return {
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(startTime ? { startTime } : {}),
    ...(isOver && verdict.outcome === 'Complete' ? { completionTime: stampOf(nowMs) } : {}),
    ...withoutZeros({ active: active.length, succeeded: counted.succeeded, failed: counted.failed }),
    terminating: terminating.length,
    ready,
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length > 0 ? { succeeded: uncounted.succeeded } : {}),
      ...(uncounted.failed.length > 0 ? { failed: uncounted.failed } : {}),
    },
    ...indexFields(job, observed),
  }
}

const isAllCounted = ({ uncounted }: Observed): boolean => uncounted.succeeded.length === 0 && uncounted.failed.length === 0

const conditionsOf = (job: Job, now: { verdict: Verdict | undefined; isOver: boolean; nowMs: number }): readonly JobCondition[] => {
  const { verdict, isOver, nowMs } = now
  const changes: Change[] = []
  if (verdict) {
    const { outcome, reason, message } = verdict
    changes.push({ type: outcome === 'Failed' ? 'FailureTarget' : 'SuccessCriteriaMet', status: 'True', reason, message })
    if (isOver) changes.push({ type: outcome, status: 'True', reason, message })
  } else if (job.spec.suspend) changes.push({ type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' })
  else if (job.status?.conditions?.some(({ type }) => type === 'Suspended')) {
    changes.push({ type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' })
  }
  return changes.reduce((conditions, change) => withCondition(conditions, change, nowMs), job.status?.conditions ?? [])
}

const withCondition = (conditions: readonly JobCondition[], change: Change, nowMs: number): readonly JobCondition[] => {
  const current = conditions.find(({ type }) => type === change.type)
  if (current?.status === change.status) return conditions
  const stamp = stampOf(nowMs)
  return [...conditions.filter((condition) => condition !== current), { ...change, lastProbeTime: stamp, lastTransitionTime: stamp }]
}
