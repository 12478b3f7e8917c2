import type { Pod } from '../../base/api/generated/types.ts'
import { quantityToMilli, quantityToNumber } from '../../base/lib/quantity.ts'
import { isSidecar } from './pod-names.ts'

export interface Refusal {
  readonly reason: string
  readonly message: string
}

/** What a Pod asks of a node by upstream's arithmetic: containers and sidecars together, or the largest init container if that is more. In base units; cpu in thousandths. */
export const podRequests = (pod: Pod): Map<string, number> => {
  const total = new Map<string, number>()
  const amount = (name: string, value: string) => (name === 'cpu' ? quantityToMilli(value) : quantityToNumber(value))
  const add = (to: Map<string, number>, requests: Readonly<Record<string, string>> | undefined) => {
    for (const [name, value] of Object.entries(requests ?? {})) to.set(name, (to.get(name) ?? 0) + amount(name, value))
  }
  for (const container of pod.spec.containers) add(total, container.resources?.requests)
  const sidecars = new Map<string, number>()
  const peak = new Map<string, number>()
  for (const container of pod.spec.initContainers ?? []) {
    const now = new Map(sidecars)
    add(now, container.resources?.requests)
    if (isSidecar(container)) add(sidecars, container.resources?.requests)
    for (const [name, value] of now) peak.set(name, Math.max(peak.get(name) ?? 0, value))
  }
  for (const [name, value] of sidecars) total.set(name, (total.get(name) ?? 0) + value)
  for (const [name, value] of peak) total.set(name, Math.max(total.get(name) ?? 0, value))
  add(total, pod.spec.overhead)
  return total
}

/** Whether a Pod fits beside those that the node has accepted; as upstream, the Pod is refused if not. */
export const admit = (pod: Pod, others: readonly Pod[], allocatable: Readonly<Record<string, string>>): Refusal | undefined => {
  const pods = quantityToNumber(allocatable.pods ?? '110')
  if (others.length + 1 > pods) return refusal('pods', 1, others.length, pods)
  const used = new Map<string, number>()
  for (const other of others) for (const [name, value] of podRequests(other)) used.set(name, (used.get(name) ?? 0) + value)
  for (const [name, requested] of podRequests(pod)) {
    if (requested === 0) continue
    const capacity = name === 'cpu' ? quantityToMilli(allocatable.cpu ?? '0') : quantityToNumber(allocatable[name] ?? '0')
    if (requested + (used.get(name) ?? 0) > capacity) return refusal(name, requested, used.get(name) ?? 0, capacity)
  }
  return undefined
}

const refusal = (resource: string, requested: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${Math.round(requested)}, used: ${Math.round(used)}, capacity: ${Math.round(capacity)}`,
})
