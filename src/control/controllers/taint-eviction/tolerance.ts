import type { Pod, Taint } from '../../../base/api/generated/types.ts'
import { tolerates } from '../../../base/machinery/tolerations.ts'

/**
 * How long `pod` may stay on a node with these taints, in milliseconds: 0 is not at all, Infinity for ever. Only NoExecute counts;
 * every taint must be tolerated, and the shortest tolerationSeconds of the tolerations used decides.
 */
export const toleratedMs = (pod: Pod, taints: readonly Taint[]): number => {
  const tolerations = pod.spec.tolerations ?? []
  const limits: number[] = []
  for (const taint of taints.filter(({ effect }) => effect === 'NoExecute')) {
    const used = tolerations.filter((toleration) => tolerates(toleration, taint))
    if (used.length === 0) return 0
    const first = used[0]
    if (first?.tolerationSeconds !== undefined) limits.push(Math.max(0, first.tolerationSeconds) * 1000)
  }
  return Math.min(Number.POSITIVE_INFINITY, ...limits)
}
