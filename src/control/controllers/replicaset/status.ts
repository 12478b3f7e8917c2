import type { Pod, PodTemplateSpec, ReplicaSetCondition, ReplicaSetStatus } from '../../../base/api/generated/types.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { matchesLabels } from '../lib/label-selector.ts'
import type { Failure } from '../lib/pod-control.ts'
import { isPodAvailable, isPodReady } from '../lib/pods.ts'
import { withoutZeros } from '../lib/semantic-equal.ts'

/** What ReplicaSets and ReplicationControllers have in common. */
export interface Replicated extends KubeObject {
  readonly spec: { readonly replicas?: number; readonly minReadySeconds?: number; readonly template?: PodTemplateSpec }
  readonly status: ReplicaSetStatus
}

export interface Observed {
  readonly active: readonly Pod[]
  /** Absent where the kind does not report them. */
  readonly terminating: readonly Pod[] | undefined
  /** `unknown` where this round did not try to create or delete. */
  readonly failure: Failure | undefined | 'unknown'
}

/** What `rs` reports of its Pods. A failure to create or delete shows as the condition ReplicaFailure until a round succeeds. */
export const replicaStatus = (rs: Replicated, { active, terminating, failure }: Observed, nowMs: number): ReplicaSetStatus => {
  const minReadySeconds = rs.spec.minReadySeconds ?? 0
  const ready = active.filter(isPodReady)
  const counted = withoutZeros({
    fullyLabeledReplicas: active.filter((pod) => matchesLabels(rs.spec.template?.metadata?.labels ?? {}, pod.metadata.labels)).length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length,
    observedGeneration: rs.metadata.generation ?? 0,
  })
  const conditions = conditionsOf(rs, failure, nowMs)
  return {
    replicas: active.length,
    ...counted,
    ...(terminating ? { terminatingReplicas: terminating.length } : {}),
    ...(conditions.length ? { conditions } : {}),
  }
}

const conditionsOf = (rs: Replicated, failure: Observed['failure'], nowMs: number): readonly ReplicaSetCondition[] => {
  const current = rs.status?.conditions ?? []
  if (failure === 'unknown') return current
  const others = current.filter((condition) => condition.type !== 'ReplicaFailure')
  if (!failure) return others
  const standing = current.find((condition) => condition.type === 'ReplicaFailure')
  return [...others, standing ?? { type: 'ReplicaFailure', status: 'True', lastTransitionTime: stampOf(nowMs), ...failure }]
}
