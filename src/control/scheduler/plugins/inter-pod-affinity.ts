import type { Pod, PodAffinityTerm } from '../../../base/api/generated/types.ts'
import { matchesSelector } from '../../../base/machinery/node-matching.ts'
import { maxScore, refuse, refuseForGood, type SchedulerPlugin } from '../plugin.ts'
import type { NodeInfo, PodInfo, Snapshot } from '../snapshot.ts'

const requiredAffinity = (pod: Pod) => pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
const requiredAntiAffinity = (pod: Pod) => pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []

/** Preferred terms with their weights; anti-affinity weighs against. */
const preferred = (pod: Pod) => [
  ...(pod.spec.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
  ...(pod.spec.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((each) => ({ ...each, weight: -each.weight })),
]

/** Whether `owner`'s term speaks of `other`. */
const termMatches = (term: PodAffinityTerm, owner: Pod, other: Pod, snapshot: Snapshot): boolean => {
  const namespace = other.metadata.namespace ?? ''
  const named = term.namespaces?.length || term.namespaceSelector ? (term.namespaces ?? []) : [owner.metadata.namespace ?? '']
  if (!named.includes(namespace) && !matchesSelector(term.namespaceSelector, snapshot.labelsOfNamespace(namespace))) return false
  const labels = other.metadata.labels ?? {}
  const own = owner.metadata.labels ?? {}
  if (term.matchLabelKeys?.some((key) => key in own && own[key] !== labels[key])) return false
  if (term.mismatchLabelKeys?.some((key) => key in own && own[key] === labels[key])) return false
  return matchesSelector(term.labelSelector, labels)
}

const domainOf = (term: PodAffinityTerm, node: NodeInfo): string | undefined => {
  const value = node.node.metadata.labels?.[term.topologyKey]
  return value === undefined ? undefined : `${term.topologyKey}=${value}`
}

/** The domains in which some placed Pod fulfils `matches`, for each term. */
const domainsOf = (
  terms: readonly PodAffinityTerm[],
  snapshot: Snapshot,
  matches: (other: Pod, term: PodAffinityTerm) => boolean,
): readonly ReadonlySet<string>[] => {
  const domains = terms.map(() => new Set<string>())
  for (const node of snapshot.nodes) {
    for (const { pod } of node.pods.values()) {
      terms.forEach((term, index) => {
        const domain = domainOf(term, node)
        if (domain !== undefined && !domains[index]!.has(domain) && matches(pod, term)) domains[index]!.add(domain)
      })
    }
  }
  return domains
}

/** Domains that placed Pods keep free of this one. */
const forbiddenDomains = ({ pod }: PodInfo, snapshot: Snapshot): ReadonlySet<string> => {
  const forbidden = new Set<string>()
  for (const { info, node } of snapshot.affine.values()) {
    if (!node.node) continue
    for (const term of requiredAntiAffinity(info.pod)) {
      const domain = domainOf(term, node)
      if (domain !== undefined && termMatches(term, info.pod, pod, snapshot)) forbidden.add(domain)
    }
  }
  return forbidden
}

const liesIn = (node: NodeInfo, domains: ReadonlySet<string>): boolean =>
  domains.size > 0 && Object.entries(node.node.metadata.labels ?? {}).some(([key, value]) => domains.has(`${key}=${value}`))

export const interPodAffinity: SchedulerPlugin = {
  name: 'InterPodAffinity',
  weight: 2,
  filter: (info, snapshot) => {
    const [wanted, avoided] = [requiredAffinity(info.pod), requiredAntiAffinity(info.pod)]
    if (wanted.length + avoided.length + snapshot.affine.size === 0) return undefined
    const forbidden = forbiddenDomains(info, snapshot)
    // Upstream counts only Pods that fulfil every affinity term at once.
    const near = domainsOf(wanted, snapshot, (other) => wanted.every((term) => termMatches(term, info.pod, other, snapshot)))
    const far = domainsOf(avoided, snapshot, (other, term) => termMatches(term, info.pod, other, snapshot))
    const isFirst = near.every((domains) => domains.size === 0) && wanted.every((term) => termMatches(term, info.pod, info.pod, snapshot))
    const isNear = (node: NodeInfo) =>
      wanted.every((term, index) => {
        const domain = domainOf(term, node)
        return domain !== undefined && (isFirst || near[index]!.has(domain))
      })
    return (node) => {
      if (!isNear(node)) return refuseForGood("node(s) didn't match pod affinity rules")
      if (avoided.some((term, index) => far[index]!.has(domainOf(term, node) ?? ''))) return refuse("node(s) didn't match pod anti-affinity rules")
      return liesIn(node, forbidden) ? refuse("node(s) didn't satisfy existing pods anti-affinity rules") : undefined
    }
  },
  score: (info, snapshot) => {
    const points = affinityPoints(info, snapshot)
    if (points.size === 0) return undefined
    return {
      of: (node) => Object.entries(node.node.metadata.labels ?? {}).reduce((sum, [key, value]) => sum + (points.get(`${key}=${value}`) ?? 0), 0),
      normalize: (scores) => {
        const [lowest, highest] = [Math.min(...scores), Math.max(...scores)]
        return scores.map((score) => (highest === lowest ? 0 : Math.floor((maxScore * (score - lowest)) / (highest - lowest))))
      },
    }
  },
}

/** Preference by domain: this Pod's wishes about placed Pods, and theirs about this one. */
const affinityPoints = ({ pod }: PodInfo, snapshot: Snapshot): ReadonlyMap<string, number> => {
  const points = new Map<string, number>()
  const add = (term: PodAffinityTerm, node: NodeInfo, weight: number) => {
    const domain = domainOf(term, node)
    if (domain !== undefined) points.set(domain, (points.get(domain) ?? 0) + weight)
  }
  const wishes = preferred(pod)
  if (wishes.length > 0) {
    for (const node of snapshot.nodes)
      for (const other of node.pods.values())
        for (const { podAffinityTerm: term, weight } of wishes) if (termMatches(term, pod, other.pod, snapshot)) add(term, node, weight)
  }
  for (const { info, node } of snapshot.affine.values()) {
    if (!node.node) continue
    // A required affinity counts as a preference of weight 1 the other way round.
    const theirs = [...preferred(info.pod), ...requiredAffinity(info.pod).map((podAffinityTerm) => ({ podAffinityTerm, weight: 1 }))]
    for (const { podAffinityTerm: term, weight } of theirs) if (termMatches(term, info.pod, pod, snapshot)) add(term, node, weight)
  }
  return points
}
