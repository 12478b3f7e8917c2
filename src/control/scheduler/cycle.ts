import type { Filter, Refusal, SchedulerPlugin } from './plugin.ts'
import { priorityOf, supposing, type NodeInfo, type PodInfo, type Snapshot } from './snapshot.ts'

/** No node takes the Pod, each for its reason. */
export interface Refused {
  readonly refusals: ReadonlyMap<string, Refusal>
  readonly nodeCount: number
}

export type Decision = { readonly node: string } | Refused

export interface CycleOptions {
  readonly plugins: readonly SchedulerPlugin[]
  /** Index of the node to ask first, so that in large clusters all nodes get their turn. */
  readonly start?: number
  /** 0 to 1; chooses among the best. */
  readonly random?: () => number
}

/** How many feasible nodes suffice: all of a hundred, a tenth of 5,000, as upstream. */
export const nodesToFind = (nodeCount: number): number => {
  if (nodeCount < 100) return nodeCount
  const percentage = Math.max(5, 50 - Math.floor(nodeCount / 125))
  return Math.max(100, Math.floor((nodeCount * percentage) / 100))
}

/** Filter, score, choose: a pure decision about one Pod. */
export const decide = (pod: PodInfo, snapshot: Snapshot, options: CycleOptions): Decision => {
  const { feasible, refusals } = filterNodes(pod, snapshot, options)
  if (feasible.length === 0) return { refusals, nodeCount: snapshot.nodes.length }
  if (feasible.length === 1) return { node: feasible[0]!.name }
  const totals = scoreNodes(pod, snapshot, feasible, options.plugins)
  const highest = Math.max(...totals)
  const best = feasible.filter((_, index) => totals[index] === highest)
  return { node: best[Math.floor((options.random ?? Math.random)() * best.length)]!.name }
}

const refusalOfPod = (pod: PodInfo, snapshot: Snapshot, plugins: readonly SchedulerPlugin[]): Refusal | undefined => {
  for (const plugin of plugins) {
    const refusal = plugin.preFilter?.(pod, snapshot)
    if (refusal) return { ...refusal, isOfPod: true }
  }
  return undefined
}

const filterNodes = (pod: PodInfo, snapshot: Snapshot, { plugins, start = 0 }: CycleOptions) => {
  const refusals = new Map<string, Refusal>()
  const feasible: NodeInfo[] = []
  const refused = refusalOfPod(pod, snapshot, plugins)
  if (refused) return { feasible, refusals: new Map(snapshot.nodes.map(({ name }) => [name, refused])) }
  const preselection = preselect(pod, plugins)
  const filters = filtersOf(pod, snapshot, plugins)
  const refusalOf = (node: NodeInfo): Refusal | undefined =>
    preselection && !preselection.names.has(node.name)
      ? preselection.refusal
      : (firstRefusal(filters, node) ?? refusalBesidePromised(pod, snapshot, { node, plugins }))
  const name = snapshot.promisedTo(pod.key)
  const promised = name === undefined ? undefined : snapshot.nodes.find((node) => node.name === name)
  if (promised && !refusalOf(promised)) return { feasible: [promised], refusals }
  const enough = nodesToFind(snapshot.nodes.length)
  for (let index = 0; index < snapshot.nodes.length && feasible.length < enough; index++) {
    const node = snapshot.nodes[(start + index) % snapshot.nodes.length]!
    const refusal = refusalOf(node)
    if (refusal) refusals.set(node.name, refusal)
    else feasible.push(node)
  }
  return { feasible, refusals }
}

/** Room that was made for a Pod at least as important is taken, though that Pod is not there yet. */
export const refusalBesidePromised = (
  pod: PodInfo,
  snapshot: Snapshot,
  { node, plugins }: { node: NodeInfo; plugins: readonly SchedulerPlugin[] },
): Refusal | undefined => {
  const promised = snapshot.promisedOn(node.name).filter((other) => other.key !== pod.key && priorityOf(other) >= priorityOf(pod))
  if (promised.length === 0) return undefined
  const full = supposing(snapshot, node, [...node.pods.values(), ...promised])
  return firstRefusal(filtersOf(pod, full.snapshot, plugins), full.node)
}

export const filtersOf = (pod: PodInfo, snapshot: Snapshot, plugins: readonly SchedulerPlugin[]): readonly Filter[] =>
  plugins.flatMap((plugin) => plugin.filter?.(pod, snapshot) ?? [])

export const firstRefusal = (filters: readonly Filter[], node: NodeInfo): Refusal | undefined => {
  for (const filter of filters) {
    const refusal = filter(node)
    if (refusal) return refusal
  }
  return undefined
}

const preselect = (pod: PodInfo, plugins: readonly SchedulerPlugin[]): { names: ReadonlySet<string>; refusal: Refusal } | undefined => {
  for (const plugin of plugins) {
    const names = plugin.preselect?.(pod)
    if (names) return { names, refusal: { reasons: [`node(s) didn't satisfy plugin(s) [${plugin.name}]`], unresolvable: true } }
  }
  return undefined
}

const scoreNodes = (pod: PodInfo, snapshot: Snapshot, feasible: readonly NodeInfo[], plugins: readonly SchedulerPlugin[]): readonly number[] => {
  const totals = feasible.map(() => 0)
  for (const plugin of plugins) {
    const score = plugin.score?.(pod, snapshot, feasible)
    if (!score) continue
    const raw = feasible.map(score.of)
    const scores = score.normalize?.(raw) ?? raw
    scores.forEach((value, index) => (totals[index]! += value * (plugin.weight ?? 1)))
  }
  return totals
}
