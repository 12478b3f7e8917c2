import type { Pod } from '../../base/api/generated/types.ts'
import { amountsOf, podRequests } from '../../base/api/pod-requests.ts'
import { quantityToNumber } from '../../base/lib/quantity.ts'

export interface Refusal {
  readonly reason: string
  readonly message: string
}

/** Whether a Pod fits beside those that the node has accepted; as upstream, the Pod is refused if not. */
export const admit = (pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined => {
  const pods = quantityToNumber(allocatable.pods ?? '110')
  if (others.length + 1 > pods) return refusal('pods', 1, others.length, pods)
  const used = new Map<string, number>()
  for (const other of others) for (const [name, value] of podRequests(other)) used.set(name, (used.get(name) ?? 0) + value)
  const capacities = amountsOf(allocatable)
  for (const [name, requested] of podRequests(pod)) {
    if (requested === 0) continue
    const capacity = capacities.get(name) ?? 0
    if (requested + (used.get(name) ?? 0) > capacity) return refusal(name, requested, used.get(name) ?? 0, capacity)
  }
  return undefined
}

const refusal = (resource: string, requested: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${Math.round(requested)}, used: ${Math.round(used)}, capacity: ${Math.round(capacity)}`,
})
