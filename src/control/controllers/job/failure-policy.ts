// https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
import type { ContainerStatus, Job, Pod, PodFailurePolicyRule } from '../../../base/api/generated/types.ts'
import { indexOf } from './indexes.ts'

export type FailureAction = 'Count' | 'Ignore' | 'FailJob' | 'FailIndex'

export interface FailureMatch {
  readonly action: FailureAction
  /** Of a FailJob or FailIndex: why, in upstream's words. */
  readonly message?: string
}

/** What the Job's policy makes of a failed Pod: the first rule that matches decides; without any, the failure counts. */
export const judgeFailure = (job: Job, pod: Pod): FailureMatch => {
  for (const [at, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const reason = matchRule(rule, pod)
    if (reason) return { action: rule.action as FailureAction, message: `${reason} matching ${rule.action} rule at index ${at}` }
  }
  return { action: 'Count' }
}

const matchRule = (rule: PodFailurePolicyRule, pod: Pod): string | undefined => {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`
  if (rule.onExitCodes) {
    const status = failedContainers(pod).find((one) => matchesExitCode(rule, one))
    return status && `Container ${status.name} for pod ${name} failed with exit code ${status.state?.terminated?.exitCode}`
  }
  const pattern = (rule.onPodConditions ?? []).find((wanted) =>
    pod.status.conditions?.some(({ type, status }) => type === wanted.type && status === (wanted.status ?? 'True')),
  )
  return pattern && `Pod ${name} has condition ${pattern.type}`
}

const failedContainers = (pod: Pod): readonly ContainerStatus[] =>
  [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])].filter(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0)

const matchesExitCode = ({ onExitCodes }: PodFailurePolicyRule, status: ContainerStatus): boolean => {
  if (!onExitCodes || (onExitCodes.containerName !== undefined && onExitCodes.containerName !== status.name)) return false
  const isListed = (onExitCodes.values ?? []).includes(status.state?.terminated?.exitCode ?? 0)
  return onExitCodes.operator === 'In' ? isListed : !isListed
}

/** Indexes that have failed for good: more often than `backoffLimitPerIndex` allows, or by a FailIndex rule. */
export const failedIndexesOf = (job: Job, failed: readonly Pod[]): ReadonlySet<number> => {
  const limit = job.spec.backoffLimitPerIndex
  if (limit === undefined) return new Set()
  const lost = failed.filter((pod) => judgeFailure(job, pod).action === 'FailIndex' || indexFailures(job, pod) > limit)
  return new Set(lost.flatMap((pod) => indexOf(job, pod) ?? []))
}

export const indexFailureAnnotation = 'batch.kubernetes.io/job-index-failure-count'

/** How often a Pod's index has failed once this Pod has. */
export const indexFailures = (job: Job, pod: Pod): number =>
  Number(pod.metadata.annotations?.[indexFailureAnnotation] ?? 0) + (judgeFailure(job, pod).action === 'Ignore' ? 0 : 1)
