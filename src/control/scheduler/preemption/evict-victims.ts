import type { Pod, PodCondition } from '../../../base/api/generated/types.ts'
import { pods } from '../../../base/api/kinds.ts'
import type { Client } from '../../../base/client/client.ts'
import type { EventRecorder } from '../../../base/client/events.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { preemptionReason } from './preemption.ts'
import type { Candidate } from './victims.ts'

interface EvictOptions {
  readonly client: Client
  readonly clock: Clock
  readonly events: EventRecorder
}

/** Ends the Pods that are in the way of this one; each is told why in its condition and an event. */
export const evictVictims = async (preemptor: Pod, { node, victims }: Candidate, options: EvictOptions): Promise<void> => {
  await Promise.all(
    victims.map(async ({ pod }) => {
      if (pod.metadata.deletionTimestamp || !(await evict(pod, options))) return
      options.events.event(pod, 'Normal', 'Preempted', `Preempted by pod ${preemptor.metadata.uid} on node ${node}`)
    }),
  )
}

/** False where the Pod is gone already. */
const evict = async ({ metadata }: Pod, { client, clock }: EvictOptions): Promise<boolean> => {
  const { namespace, name, uid, generation } = metadata
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: preemptionReason,
    message: 'default-scheduler: preempting to accommodate a higher priority pod',
    lastTransitionTime: stampOf(clock.now()),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  }
  try {
    const body = { metadata: { uid }, status: { conditions: [condition] } }
    await client.patch(pods, { namespace, name }, body, { type: 'strategic', subresource: 'status' })
    await client.delete(pods, { namespace, name }, { preconditions: { uid } })
    return true
  } catch (error) {
    // Another Pod may have its name by now.
    if (isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')) return false
    throw error
  }
}
