import type { Pod } from '../../../base/api/generated/types.ts'
import { isPodReady, podCondition } from '../lib/pods.ts'

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/**
 * Pods in the order in which a scale-down removes them, as upstream: unassigned, pending, not ready, cheap to delete, doubled up on their node,
 * ready for less long, restarted more often, younger. Durations are compared in powers of two, so that near ages are equal and the uid decides.
 */
export const deletionOrder = (pods: readonly Pod[], nowMs: number): readonly Pod[] => {
  const perNode = new Map<string, number>()
  for (const { spec } of pods) if (spec.nodeName) perNode.set(spec.nodeName, (perNode.get(spec.nodeName) ?? 0) + 1)
  const rank = (pod: Pod): readonly (number | string)[] => [
    pod.spec.nodeName ? 1 : 0,
    phaseOrder[pod.status?.phase ?? 'Pending'] ?? 0,
    isPodReady(pod) ? 1 : 0,
    deletionCost(pod),
    -(perNode.get(pod.spec.nodeName ?? '') ?? 0),
    isPodReady(pod) ? ageBucket(podCondition(pod, 'Ready')?.lastTransitionTime, nowMs) : 0,
    -mostRestarts(pod),
    ageBucket(pod.metadata.creationTimestamp, nowMs),
    pod.metadata.uid,
  ]
  return pods
    .map((pod) => ({ pod, rank: rank(pod) }))
    .sort((a, b) => compare(a.rank, b.rank))
    .map(({ pod }) => pod)
}

const deletionCost = (pod: Pod) => Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0

const mostRestarts = (pod: Pod) => Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount))

const ageBucket = (since: string | undefined, nowMs: number) => (since ? Math.floor(Math.log2(Math.max(1, (nowMs - Date.parse(since)) / 1000))) : 0)

const compare = (a: readonly (number | string)[], b: readonly (number | string)[]): number => {
  const at = a.findIndex((value, index) => value !== b[index])
  if (at < 0) return 0
  return (a[at] ?? 0) < (b[at] ?? 0) ? -1 : 1
}
