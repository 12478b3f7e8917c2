import type { LabelSelector, TopologySpreadConstraint } from '../../../base/api/generated/types.ts'
import { hasNodeAffinity, isTolerated, matchesNodeAffinity, matchesSelector } from '../../../base/machinery/node-matching.ts'
import { maxScore, refuse, refuseForGood, type SchedulerPlugin } from '../plugin.ts'
import type { NodeInfo, PodInfo, Snapshot } from '../snapshot.ts'

interface Constraint {
  readonly spec: TopologySpreadConstraint
  readonly key: string
  readonly count: (node: NodeInfo) => number
}

const hostname = 'kubernetes.io/hostname'

// Upstream's system defaults.
const defaults: readonly TopologySpreadConstraint[] = [
  { topologyKey: hostname, maxSkew: 3, whenUnsatisfiable: 'ScheduleAnyway' },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway' },
]

const countMatching = (node: NodeInfo, namespace: string | undefined, matches: (labels: Readonly<Record<string, string>> | undefined) => boolean): number => {
  let count = 0
  for (const { pod } of node.pods.values()) {
    if (pod.metadata.namespace === namespace && !pod.metadata.deletionTimestamp && matches(pod.metadata.labels)) count++
  }
  return count
}

/** The constraint's selector, narrowed to the incoming Pod's own values of `matchLabelKeys`. */
const selectorOf = ({ pod }: PodInfo, spec: TopologySpreadConstraint): LabelSelector => {
  const own = (spec.matchLabelKeys ?? []).flatMap((key) => (pod.metadata.labels?.[key] === undefined ? [] : [[key, pod.metadata.labels[key]] as const]))
  return { ...spec.labelSelector, matchLabels: { ...spec.labelSelector?.matchLabels, ...Object.fromEntries(own) } }
}

const ownConstraints = (info: PodInfo, when: string): readonly Constraint[] =>
  (info.pod.spec.topologySpreadConstraints ?? [])
    .filter((spec) => spec.whenUnsatisfiable === when)
    .map((spec) => {
      const selector = spec.labelSelector ? selectorOf(info, spec) : undefined
      return { spec, key: spec.topologyKey, count: (node) => countMatching(node, info.pod.metadata.namespace, (labels) => matchesSelector(selector, labels)) }
    })

/** For a Pod without constraints of its own: its controller's Pods, or else its Services' Pods, are spread. */
const defaultConstraints = (info: PodInfo, snapshot: Snapshot): readonly Constraint[] => {
  const { owner, pod } = info
  if (owner) return defaults.map((spec) => ({ spec, key: spec.topologyKey, count: (node) => node.owned.get(owner) ?? 0 }))
  const namespace = pod.metadata.namespace ?? ''
  const selectors = snapshot
    .servicesOf(namespace)
    .map((service) => service.spec.selector)
    .filter((selector) => selector && matchesSelector({ matchLabels: selector }, pod.metadata.labels))
  if (selectors.length === 0) return []
  const selector = { matchLabels: Object.assign({}, ...selectors) as Record<string, string> }
  return defaults.map((spec) => ({
    spec,
    key: spec.topologyKey,
    count: (node) => countMatching(node, namespace, (labels) => matchesSelector(selector, labels)),
  }))
}

/** Which nodes count for a constraint; undefined: all. */
const inclusion = ({ pod }: PodInfo, { spec }: Constraint): ((node: NodeInfo) => boolean) | undefined => {
  const byAffinity = spec.nodeAffinityPolicy !== 'Ignore' && hasNodeAffinity(pod)
  const byTaints = spec.nodeTaintsPolicy === 'Honor'
  if (!byAffinity && !byTaints) return undefined
  const accepts = ({ node }: NodeInfo) =>
    (node.spec.taints ?? []).every((taint) => taint.effect === 'PreferNoSchedule' || isTolerated(taint, pod.spec.tolerations))
  return (node) => (!byAffinity || matchesNodeAffinity(pod, node.node)) && (!byTaints || accepts(node))
}

const labelOf = (node: NodeInfo, key: string): string | undefined => node.node.metadata.labels?.[key]

/** Matching Pods by topology value, over the nodes that count. */
const countDomains = (info: PodInfo, constraint: Constraint, nodes: readonly NodeInfo[]): Map<string, number> => {
  const counts = new Map<string, number>()
  const includes = inclusion(info, constraint)
  for (const node of nodes) {
    const value = labelOf(node, constraint.key)
    if (value !== undefined && (!includes || includes(node))) counts.set(value, (counts.get(value) ?? 0) + constraint.count(node))
  }
  return counts
}

const missingLabel = refuseForGood("node(s) didn't match pod topology spread constraints (missing required label)")
const tooSkewed = refuse("node(s) didn't match pod topology spread constraints")

/** How many Pods a domain may hold before this one, or undefined for a node whose domain does not count. */
const hardRule = (info: PodInfo, constraint: Constraint, nodes: readonly NodeInfo[]) => {
  const counts = countDomains(info, constraint, nodes)
  const lowest = counts.size < (constraint.spec.minDomains ?? 1) ? 0 : Math.min(...counts.values())
  const self = constraint.spec.labelSelector && matchesSelector(selectorOf(info, constraint.spec), info.pod.metadata.labels) ? 1 : 0
  return (value: string) => (counts.get(value) ?? 0) + self - (counts.size === 0 ? 0 : lowest) <= constraint.spec.maxSkew
}

export const podTopologySpread: SchedulerPlugin = {
  name: 'PodTopologySpread',
  weight: 2,
  filter: (info, snapshot) => {
    const constraints = ownConstraints(info, 'DoNotSchedule')
    if (constraints.length === 0) return undefined
    const labelled = snapshot.nodes.filter((node) => constraints.every(({ key }) => labelOf(node, key) !== undefined))
    const rules = constraints.map((constraint) => ({ key: constraint.key, allows: hardRule(info, constraint, labelled) }))
    return (node) => {
      for (const { key, allows } of rules) {
        const value = labelOf(node, key)
        if (value === undefined) return missingLabel
        if (!allows(value)) return tooSkewed
      }
      return undefined
    }
  },
  score: (info, snapshot, feasible) => {
    const own = info.pod.spec.topologySpreadConstraints?.length ? ownConstraints(info, 'ScheduleAnyway') : undefined
    const constraints = own ?? defaultConstraints(info, snapshot)
    if (constraints.length === 0) return undefined
    // Only constraints that a user wrote shut out nodes without their labels.
    const ignored = new Set(own ? feasible.filter((node) => own.some(({ key }) => labelOf(node, key) === undefined)) : [])
    return spreadScore(info, { constraints, nodes: snapshot.nodes, feasible: feasible.filter((node) => !ignored.has(node)), ignored })
  },
}

interface Spread {
  readonly constraints: readonly Constraint[]
  readonly nodes: readonly NodeInfo[]
  readonly feasible: readonly NodeInfo[]
  readonly ignored: ReadonlySet<NodeInfo>
}

const unscored = -1

const spreadScore = (info: PodInfo, { constraints, nodes, feasible, ignored }: Spread) => {
  const parts = constraints.map((constraint) => {
    const values = new Set(feasible.map((node) => labelOf(node, constraint.key)).filter((value) => value !== undefined))
    const perNode = constraint.key === hostname
    const counts = perNode || values.size === 0 ? new Map<string, number>() : countDomains(info, constraint, nodes)
    const weight = Math.log((perNode ? feasible.length : values.size) + 2)
    return { constraint, weight, count: (node: NodeInfo, value: string) => (perNode ? constraint.count(node) : (counts.get(value) ?? 0)) }
  })
  return {
    of: (node: NodeInfo) => {
      if (ignored.has(node)) return unscored
      let sum = 0
      for (const { constraint, weight, count } of parts) {
        const value = labelOf(node, constraint.key)
        if (value !== undefined) sum += count(node, value) * weight + constraint.spec.maxSkew - 1
      }
      return Math.round(sum)
    },
    normalize: (scores: readonly number[]) => {
      const valid = scores.filter((score) => score !== unscored)
      const [lowest, highest] = [Math.min(...valid), Math.max(...valid)]
      return scores.map((score) => (score === unscored ? 0 : highest === 0 ? maxScore : Math.floor((maxScore * (highest + lowest - score)) / highest)))
    },
  }
}
