import type { Condition, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../base/api/generated/types.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { isPodReady, isPodTerminating } from '../lib/pods.ts'
import type { Expectation } from './expected.ts'

/** As upstream: an evicted Pod counts as gone for so long, although its deletion is not seen yet. */
export const deletionTimeoutMs = 120_000

/** The evictions that are not seen as deletions yet. `late` are those that were not deleted in time, and count as healthy again. */
export interface Disrupted {
  readonly pods: Readonly<Record<string, string>>
  readonly late: readonly Pod[]
  readonly recheckMs: number | undefined
}

export const disruptedPods = (budget: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): Disrupted => {
  const pending = pods
    .filter((pod) => !isPodTerminating(pod))
    .flatMap((pod) => {
      const since = budget.status?.disruptedPods?.[pod.metadata.name]
      return since === undefined ? [] : [{ pod, since, waitMs: Date.parse(since) + deletionTimeoutMs - nowMs }]
    })
  const current = pending.filter(({ waitMs }) => waitMs >= 0)
  return {
    pods: Object.fromEntries(current.map(({ pod, since }) => [pod.metadata.name, since])),
    late: pending.filter(({ waitMs }) => waitMs < 0).map(({ pod }) => pod),
    recheckMs: current.length > 0 ? Math.min(...current.map(({ waitMs }) => waitMs)) + 1 : undefined,
  }
}

export interface StatusOptions extends Expectation {
  readonly budget: PodDisruptionBudget
  readonly pods: readonly Pod[]
  readonly disrupted: Disrupted
  readonly nowMs: number
}

export const budgetStatus = ({ budget, pods, disrupted, expectedPods, desiredHealthy, nowMs }: StatusOptions): PodDisruptionBudgetStatus => {
  const healthy = pods.filter((pod) => !isPodTerminating(pod) && disrupted.pods[pod.metadata.name] === undefined && isPodReady(pod))
  const currentHealthy = healthy.length
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0
  const reason = disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods'
  return {
    observedGeneration: budget.metadata.generation ?? 0,
    ...(Object.keys(disrupted.pods).length > 0 ? { disruptedPods: disrupted.pods } : {}),
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: withCondition(budget, { reason, message: '', isAllowed: disruptionsAllowed > 0, nowMs }),
  }
}

/** What stands in the status where the counts cannot be had: nothing may be evicted. */
export const failedStatus = (budget: PodDisruptionBudget, message: string, nowMs: number): PodDisruptionBudgetStatus => ({
  ...(budget.status ?? { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  disruptionsAllowed: 0,
  conditions: withCondition(budget, { reason: 'SyncFailed', message, isAllowed: false, nowMs }),
})

interface Verdict {
  readonly reason: string
  readonly message: string
  readonly isAllowed: boolean
  readonly nowMs: number
}

const withCondition = ({ status, metadata }: PodDisruptionBudget, verdict: Verdict): readonly Condition[] => {
  const type = 'DisruptionAllowed'
  const before = status?.conditions ?? []
  const old = before.find((condition) => condition.type === type)
  const is = verdict.isAllowed ? 'True' : 'False'
  const condition: Condition = {
    type,
    status: is,
    observedGeneration: metadata.generation ?? 0,
    lastTransitionTime: old?.status === is ? old.lastTransitionTime : stampOf(verdict.nowMs),
    reason: verdict.reason,
    message: verdict.message,
  }
  return old ? before.map((any) => (any === old ? condition : any)) : [...before, condition]
}
