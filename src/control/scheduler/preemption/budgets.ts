import type { PodDisruptionBudget } from '../../../base/api/generated/types.ts'
import { matchesSelector } from '../../../base/machinery/node-matching.ts'
import type { PodInfo } from '../snapshot.ts'

/** Which of these Pods, taken away one after another, would break a budget; each budget allows so many as its status says. */
export const breakBudgets = (pods: readonly PodInfo[], budgets: readonly PodDisruptionBudget[]): ReadonlySet<PodInfo> => {
  const left = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]))
  const breaking = new Set<PodInfo>()
  for (const info of pods) {
    for (const budget of budgets) {
      if (!covers(budget, info)) continue
      left.set(budget, left.get(budget)! - 1)
      if (left.get(budget)! < 0) breaking.add(info)
    }
  }
  return breaking
}

/** A Pod that was evicted already is counted in the budget's status. */
const covers = ({ metadata, spec, status }: PodDisruptionBudget, { pod }: PodInfo): boolean => {
  const { selector } = spec ?? {}
  const isEmpty = !Object.keys(selector?.matchLabels ?? {}).length && !selector?.matchExpressions?.length
  if (metadata.namespace !== pod.metadata.namespace || isEmpty || !matchesSelector(selector, pod.metadata.labels)) return false
  return status?.disruptedPods?.[pod.metadata.name] === undefined
}
