import type { Filter, Refusal, SchedulerPlugin } from './plugin.ts'
import type { NodeInfo, PodInfo, Snapshot } from './snapshot.ts'

export type Decision = { readonly node: string } | { readonly refusals: ReadonlyMap<string, Refusal>; readonly nodeCount: number }

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
  const filters = plugins.flatMap((plugin) => plugin.filter?.(pod, snapshot) ?? [])
  const enough = nodesToFind(snapshot.nodes.length)
  for (let index = 0; index < snapshot.nodes.length && feasible.length < enough; index++) {
    const node = snapshot.nodes[(start + index) % snapshot.nodes.length]!
    const refusal = preselection && !preselection.names.has(node.name) ? preselection.refusal : firstRefusal(filters, node)
    if (refusal) refusals.set(node.name, refusal)
    else feasible.push(node)
  }
  return { feasible, refusals }
}

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
