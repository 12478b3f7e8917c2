import type { PodDisruptionBudget } from '../../../base/api/generated/types.ts'
import { filtersOf, firstRefusal, refusalBesidePromised } from '../cycle.ts'
import { refuseForGood, type Refusal, type SchedulerPlugin } from '../plugin.ts'
import { priorityOf, supposing, type NodeInfo, type PodInfo, type Snapshot } from '../snapshot.ts'
import { breakBudgets } from './budgets.ts'

/** What it would cost to make room on a node. */
export interface Candidate {
  readonly node: string
  /** The most important first. */
  readonly victims: readonly PodInfo[]
  readonly brokenBudgets: number
}

export interface VictimsOptions {
  readonly node: NodeInfo
  readonly plugins: readonly SchedulerPlugin[]
  readonly budgets: readonly PodDisruptionBudget[]
}

/**
 * The fewest Pods of lower priority that must go for this one to fit: all are thought away, then given back one by one as long as
 * it still fits, those under a disruption budget first, the more important before the less.
 */
export const victimsOn = (pod: PodInfo, snapshot: Snapshot, { node, plugins, budgets }: VictimsOptions): Candidate | Refusal => {
  const lower = [...node.pods.values()].filter((other) => priorityOf(other) < priorityOf(pod)).sort(byImportance)
  if (lower.length === 0) return refuseForGood('No preemption victims found for incoming pod')
  const kept = new Map([...node.pods].filter(([, other]) => !lower.includes(other)))
  const refusalWith = (...more: readonly PodInfo[]): Refusal | undefined => {
    const supposed = supposing(snapshot, node, [...kept.values(), ...more])
    const refusal = firstRefusal(filtersOf(pod, supposed.snapshot, plugins), supposed.node)
    return refusal ?? refusalBesidePromised(pod, supposed.snapshot, { node: supposed.node, plugins })
  }
  const refusal = refusalWith()
  if (refusal) return refusal
  const breaking = breakBudgets(lower, budgets)
  const victims = new Set<PodInfo>()
  for (const other of [...lower.filter((one) => breaking.has(one)), ...lower.filter((one) => !breaking.has(one))]) {
    if (refusalWith(other)) victims.add(other)
    else kept.set(other.key, other)
  }
  return { node: node.name, victims: lower.filter((one) => victims.has(one)), brokenBudgets: [...victims].filter((one) => breaking.has(one)).length }
}

export const startedMs = ({ pod }: PodInfo): number => (pod.status?.startTime ? Date.parse(pod.status.startTime) : Infinity)

/** Of two equally important Pods, the longer running one is worth more. */
const byImportance = (a: PodInfo, b: PodInfo): number => priorityOf(b) - priorityOf(a) || compare(startedMs(a), startedMs(b))

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)
