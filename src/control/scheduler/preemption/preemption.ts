import type { PodDisruptionBudget } from '../../../base/api/generated/types.ts'
import { unavailable } from '../messages.ts'
import { refuseForGood, type Refusal, type SchedulerPlugin } from '../plugin.ts'
import { priorityOf, type NodeInfo, type PodInfo, type Snapshot } from '../snapshot.ts'
import { cheapest } from './cheapest.ts'
import { victimsOn, type Candidate } from './victims.ts'

export interface PreemptionOptions {
  readonly plugins: readonly SchedulerPlugin[]
  readonly budgets: readonly PodDisruptionBudget[]
  /** Why each node refused the Pod. */
  readonly refusals: ReadonlyMap<string, Refusal>
  /** 0 to 1; where to begin in a large cluster. */
  readonly random?: () => number
}

/** A node to make room on, or why none: then what was promised to the Pod is void, unless it only waits for Pods to end. */
export type Preemption = Candidate | { readonly message: string; readonly isWaiting: boolean }

export const preemptionReason = 'PreemptionByScheduler'

/**
 * Where a Pod that no node takes may push out Pods of lower priority: a pure decision.
 * The rules are of https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
 */
export const findPreemption = (pod: PodInfo, snapshot: Snapshot, options: PreemptionOptions): Preemption => {
  const { refusals } = options
  if (pod.pod.spec.preemptionPolicy === 'Never') return { message: 'not eligible due to preemptionPolicy=Never.', isWaiting: false }
  if (awaitsVictims(pod, snapshot, refusals)) return { message: 'not eligible due to a terminating pod on the nominated node.', isWaiting: true }
  const found: Candidate[] = []
  const whyNot = new Map(snapshot.nodes.map(({ name }) => [name, refuseForGood('Preemption is not helpful for scheduling')]))
  for (const node of nodesToTry(snapshot, options)) {
    const candidate = victimsOn(pod, snapshot, { ...options, node })
    if ('victims' in candidate) found.push(candidate)
    else whyNot.set(node.name, candidate)
  }
  return cheapest(found) ?? { message: unavailable(whyNot, snapshot.nodes.length), isWaiting: false }
}

const awaitsVictims = (pod: PodInfo, snapshot: Snapshot, refusals: ReadonlyMap<string, Refusal>): boolean => {
  const promised = snapshot.promisedTo(pod.key)
  if (promised === undefined || refusals.get(promised)?.unresolvable) return false
  const node = snapshot.nodes.find(({ name }) => name === promised)
  return [...(node?.pods.values() ?? [])].some((other) => priorityOf(other) < priorityOf(pod) && isPreempted(other))
}

const isPreempted = ({ pod }: PodInfo): boolean =>
  pod.metadata.deletionTimestamp !== undefined &&
  (pod.status?.conditions ?? []).some(({ type, status, reason }) => type === 'DisruptionTarget' && status === 'True' && reason === preemptionReason)

/** Nodes where other Pods are in the way: a hundred, or a tenth of a large cluster, beginning anywhere. */
const nodesToTry = (snapshot: Snapshot, { refusals, random = Math.random }: PreemptionOptions): readonly NodeInfo[] => {
  const potential = snapshot.nodes.filter(({ name }) => refusals.get(name)?.unresolvable === false)
  const enough = Math.max(100, Math.floor(potential.length / 10))
  if (potential.length <= enough) return potential
  const start = Math.floor(random() * potential.length)
  return [...potential.slice(start), ...potential.slice(0, start)].slice(0, enough)
}
