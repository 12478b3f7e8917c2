import type { Pod } from '../../base/api/generated/types.ts'
import type { RuntimeContainer } from '../runtime/runtime.ts'
import { latestOf, outcomeOf, restarts } from './pod-actions.ts'
import { containerSlots } from './pod-names.ts'

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

/** The phase by upstream's rules (kubelet getPhase). `isTerminal`: nothing of it will be started again, whatever the policy. */
export const podPhase = (pod: Pod, containers: readonly RuntimeContainer[], isTerminal = false): PodPhase => {
  const slots = containerSlots(pod).map((slot) => {
    const latest = latestOf(containers, slot.container.name)
    return { slot, latest, outcome: outcomeOf(latest) }
  })
  const init = slots.filter(({ slot }) => slot.role === 'init')
  const main = slots.filter(({ slot }) => slot.role === 'main')
  if (isTerminal) return main.every(({ outcome }) => outcome === 'succeeded') ? 'Succeeded' : 'Failed'
  if (init.some(({ slot, latest, outcome }) => outcome === 'failed' && !restarts(pod, slot, latest))) return 'Failed'
  if (main.some(({ outcome }) => outcome === 'none' || outcome === 'created')) return 'Pending'
  if (main.some(({ outcome }) => outcome === 'running')) return 'Running'
  // Sidecars are stopped when the others have ended; until then the Pod has not.
  if (slots.some(({ slot, outcome }) => slot.role === 'sidecar' && outcome === 'running')) return 'Running'
  if (main.some(({ slot, latest }) => restarts(pod, slot, latest))) return 'Running'
  return main.every(({ outcome }) => outcome === 'succeeded') ? 'Succeeded' : 'Failed'
}
