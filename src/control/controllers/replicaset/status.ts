import type { Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../../base/api/generated/types.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { matchesLabels } from '../lib/label-selector.ts'
import { isPodAvailable, isPodReady } from '../lib/pods.ts'
import { withoutZeros } from '../lib/semantic-equal.ts'

export interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly message: string
}

export interface Observed {
  readonly active: readonly Pod[]
  readonly terminating: readonly Pod[]
  /** `unknown` where this round did not try to create or delete. */
  readonly failure: Failure | undefined | 'unknown'
}

/** What `rs` reports of its Pods. A failure to create or delete shows as the condition ReplicaFailure until a round succeeds. */
export const replicaSetStatus = (rs: ReplicaSet, { active, terminating, failure }: Observed, nowMs: number): ReplicaSetStatus => {
  const minReadySeconds = rs.spec.minReadySeconds ?? 0
  const ready = active.filter(isPodReady)
  const counted = withoutZeros({
    fullyLabeledReplicas: active.filter((pod) => matchesLabels(rs.spec.template.metadata?.labels ?? {}, pod.metadata.labels)).length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length,
    observedGeneration: rs.metadata.generation ?? 0,
  })
  const conditions = conditionsOf(rs, failure, nowMs)
  return { replicas: active.length, ...counted, terminatingReplicas: terminating.length, ...(conditions.length ? { conditions } : {}) }
}

const conditionsOf = (rs: ReplicaSet, failure: Observed['failure'], nowMs: number): readonly ReplicaSetCondition[] => {
  const current = rs.status?.conditions ?? []
  if (failure === 'unknown') return current
  const others = current.filter((condition) => condition.type !== 'ReplicaFailure')
  if (!failure) return others
  const standing = current.find((condition) => condition.type === 'ReplicaFailure')
  return [...others, standing ?? { type: 'ReplicaFailure', status: 'True', lastTransitionTime: stampOf(nowMs), ...failure }]
}
