import type { Pod, StatefulSet, StatefulSetStatus } from '../../../base/api/generated/types.ts'
import { isPodAvailable, isPodReady, isPodTerminating } from '../lib/pods.ts'
import { withoutZeros } from '../lib/semantic-equal.ts'
import { isInRange, ordinalOf, revisionNameOf, wantedReplicas } from './identity.ts'
import type { Situation } from './plan.ts'

/** What a set reports of its Pods. An update is complete, and its revision the current one, when every Pod has it and is ready. */
export const statefulSetStatus = (situation: Situation, collisionCount: number): StatefulSetStatus => {
  const { set, current, update } = situation
  const isComplete = isUpdateComplete(situation)
  const counts = countsOf(situation)
  return {
    ...withoutZeros({
      observedGeneration: set.metadata.generation ?? 0,
      readyReplicas: counts.ready,
      currentReplicas: isComplete ? counts.updated : counts.current,
      updatedReplicas: counts.updated,
    }),
    replicas: counts.replicas,
    availableReplicas: counts.available,
    currentRevision: isComplete ? update : current,
    updateRevision: update,
    collisionCount,
    ...(set.status?.conditions ? { conditions: set.status.conditions } : {}),
  }
}

const countsOf = ({ set, pods, current, update, nowMs }: Situation) => {
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod))
  const counted = (revision: string) => pods.filter((pod) => !isPodTerminating(pod) && revisionNameOf(pod) === revision && isPlaced(set, pod)).length
  return {
    replicas: pods.length,
    ready: ready.length,
    available: ready.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)).length,
    current: counted(current),
    updated: counted(update),
  }
}

const isPlaced = (set: StatefulSet, pod: Pod): boolean => isInRange(set, ordinalOf(set, pod) ?? -1)

const isUpdateComplete = (situation: Situation): boolean => {
  const { set } = situation
  const { ready, updated, replicas } = countsOf(situation)
  const wanted = wantedReplicas(set)
  return set.spec.updateStrategy?.type !== 'OnDelete' && updated === wanted && replicas === wanted && ready === wanted
}
