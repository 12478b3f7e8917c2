import type { Container, Pod } from './generated/types.ts'
import { quantityToInteger, quantityToMilli } from '../lib/quantity.ts'

/** Amounts as integers by resource name: CPU in thousandths, everything else in its own unit (bytes, pieces). */
export type Amounts = ReadonlyMap<string, number>

/** A quantity that the API has accepted, rounded up to whole units. */
const amountOf = (resource: string, quantity: string): number => (resource === 'cpu' ? quantityToMilli(quantity) : quantityToInteger(quantity))

export const amountsOf = (list: Readonly<Record<string, string>> | undefined): Map<string, number> =>
  new Map(Object.entries(list ?? {}).map(([resource, quantity]) => [resource, amountOf(resource, quantity)]))

const addTo = (total: Map<string, number>, amounts: Amounts): Map<string, number> => {
  for (const [resource, amount] of amounts) total.set(resource, (total.get(resource) ?? 0) + amount)
  return total
}

const raiseTo = (total: Map<string, number>, amounts: Amounts): Map<string, number> => {
  for (const [resource, amount] of amounts) total.set(resource, Math.max(total.get(resource) ?? 0, amount))
  return total
}

type RequestOf = (container: Container) => Amounts

/**
 * What a Pod needs at its peak: all containers and sidecars together, or the greediest init container with the sidecars
 * started before it, whichever is more; then the Pod's own `resources` in place of the sum, then overhead.
 */
const peakOf = (pod: Pod, requestOf: RequestOf, kind: 'requests' | 'limits' = 'requests'): Map<string, number> => {
  const sidecars = new Map<string, number>()
  const initPeak = new Map<string, number>()
  for (const container of pod.spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') raiseTo(initPeak, addTo(sidecars, requestOf(container)))
    else raiseTo(initPeak, addTo(new Map(sidecars), requestOf(container)))
  }
  const running = new Map(sidecars)
  for (const container of pod.spec.containers) addTo(running, requestOf(container))
  const total = raiseTo(running, initPeak)
  for (const [resource, amount] of amountsOf(pod.spec.resources?.[kind])) total.set(resource, amount)
  return addTo(total, amountsOf(pod.spec.overhead))
}

const declared: RequestOf = (container) => amountsOf(container.resources?.requests)

// A container that asks for nothing still weighs something when nodes are compared.
const unasked: Amounts = new Map([
  ['cpu', 100],
  ['memory', 200 * 2 ** 20],
])

/** What a Pod asks of a node; sidecars and init containers count by upstream's arithmetic. */
export const podRequests = (pod: Pod): Amounts => peakOf(pod, declared)

/** What a Pod may take at most, of what all its containers limit (or it does itself); what one of them leaves open is not in it. */
export const podLimits = (pod: Pod): Amounts => {
  const limited = peakOf(pod, (container) => amountsOf(container.resources?.limits), 'limits')
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
  const isOpen = (resource: string) =>
    !amountsOf(pod.spec.resources?.limits).get(resource) && containers.some((container) => !amountsOf(container.resources?.limits).get(resource))
  return new Map([...limited].filter(([resource]) => !isOpen(resource)))
}

/** Requests for scoring: upstream's defaults stand in where a container names no CPU or memory. */
export const podScoringRequests = (pod: Pod): Amounts => peakOf(pod, (container) => new Map([...unasked, ...declared(container)]))
