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
 * The text of the event and of the Pod's condition, word for word as upstream 1.36 composes it:
 * `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/3 nodes are available: ...`
 */
export const unschedulableMessage = (refusals: ReadonlyMap<string, Refusal>, nodeCount: number): string => {
  if (nodeCount === 0) return 'no nodes available to schedule pods'
  const ofPod = [...refusals.values()].find((refusal) => refusal.isOfPod)
  const reasons = count([...refusals.values()].flatMap((refusal) => refusal.reasons))
  const preemption = count(
    [...refusals.values()].map((refusal) =>
      refusal.unresolvable ? 'Preemption is not helpful for scheduling' : 'No preemption victims found for incoming pod',
    ),
  )
  const none = `0/${nodeCount} nodes are available:`
  return `${none} ${ofPod ? ofPod.reasons.join(', ') : histogram(reasons)}. preemption: ${none} ${histogram(preemption)}.`
}
