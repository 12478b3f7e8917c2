import type { Refusal } from './plugin.ts'

const histogram = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ')

const count = (reasons: Iterable<string>): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return counts
}

/**
 * Why no node takes a Pod, word for word as upstream 1.36 composes it: `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.`
 */
export const unavailable = (refusals: ReadonlyMap<string, Refusal>, nodeCount: number): string => {
  if (nodeCount === 0) return 'no nodes available to schedule pods'
  const ofPod = [...refusals.values()].find((refusal) => refusal.isOfPod)
  const reasons = ofPod ? ofPod.reasons.join(', ') : histogram(count([...refusals.values()].flatMap((refusal) => refusal.reasons)))
  return `0/${nodeCount} nodes are available: ${reasons}.`
}

/** The text of the event and of the Pod's condition. `preemption` says why no room was made; undefined: it was, or nothing was to be made. */
export const unschedulableMessage = (refusals: ReadonlyMap<string, Refusal>, nodeCount: number, preemption?: string): string =>
  nodeCount === 0 || preemption === undefined ? unavailable(refusals, nodeCount) : `${unavailable(refusals, nodeCount)} preemption: ${preemption}`
