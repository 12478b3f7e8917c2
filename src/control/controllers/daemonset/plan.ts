// Which Pods a DaemonSet should make and remove, decided from nodes and Pods. https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
import type { DaemonSet, Node, Pod } from '../../../base/api/generated/types.ts'
import { resolveIntOrPercent } from '../lib/int-or-percent.ts'
import { isPodAvailable, isPodFinished, isPodReady, isPodTerminating } from '../lib/pods.ts'
import { revisionLabel } from '../lib/revisions.ts'
import { fits } from './node-fit.ts'

export interface Situation {
  readonly set: DaemonSet
  readonly nodes: readonly Node[]
  readonly pods: readonly Pod[]
  /** What Pods of the present template carry as their revision. */
  readonly hash: string
  readonly nowMs: number
}

export interface Plan {
  readonly create: readonly string[]
  readonly delete: readonly Pod[]
  /** Ended where they should run on: deleted too, and told of. */
  readonly failed: readonly Pod[]
}

/** The node a Pod is on, or is meant for. */
export const nodeOf = ({ spec }: Pod): string | undefined =>
  spec.nodeName ??
  spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.flatMap(
    ({ matchFields }) => matchFields?.[0]?.values ?? [],
  )[0]

interface Place {
  readonly node: Node
  readonly pods: readonly Pod[]
  readonly shouldRun: boolean
  readonly mayStay: boolean
}

const placesOf = ({ set, nodes, pods }: Situation): readonly Place[] => {
  const byNode = new Map<string, Pod[]>()
  for (const pod of pods) byNode.set(nodeOf(pod) ?? '', [...(byNode.get(nodeOf(pod) ?? '') ?? []), pod])
  return nodes.map((node) => ({ node, pods: byNode.get(node.metadata.name) ?? [], ...fits(set, node) }))
}

export const plan = (situation: Situation): Plan => {
  const places = placesOf(situation)
  const known = new Set(situation.nodes.map(({ metadata }) => metadata.name))
  const stray = situation.pods.filter((pod) => !isPodTerminating(pod) && !known.has(nodeOf(pod) ?? ''))
  const failed = places.flatMap(({ pods, mayStay }) => (mayStay ? pods.filter((pod) => isPodFinished(pod) && !isPodTerminating(pod)) : []))
  const kept = places.map((place) => ({ ...place, pods: place.pods.filter((pod) => !failed.includes(pod)) }))
  const unwanted = kept.flatMap((place) => unwantedOn(place, situation))
  const missing = kept.filter(({ shouldRun, pods }) => shouldRun && pods.length === 0)
  const update = situation.set.spec.updateStrategy?.type === 'OnDelete' ? { create: [], delete: [] } : roll(situation, kept)
  return {
    create: [...missing.map(({ node }) => node.metadata.name), ...update.create],
    delete: [...stray, ...unwanted, ...update.delete],
    failed,
  }
}

/** Pods that may not stay; and of several on one node all but the oldest, unless one is the successor of another. */
const unwantedOn = ({ pods, mayStay }: Place, { hash }: Situation): readonly Pod[] => {
  const live = pods.filter((pod) => !isPodTerminating(pod))
  if (!mayStay) return live
  const groups = [live.filter((pod) => hashOf(pod) === hash), live.filter((pod) => hashOf(pod) !== hash)]
  return groups.flatMap((group) => group.toSorted((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1)).slice(1))
}

const hashOf = ({ metadata }: Pod): string => metadata.labels?.[revisionLabel] ?? ''

/** One step of a rolling update: with a surge new Pods come first, without it old ones go first. */
const roll = (situation: Situation, places: readonly Place[]): Pick<Plan, 'create' | 'delete'> => {
  const { set, hash } = situation
  const wanted = places.filter(({ shouldRun }) => shouldRun)
  const limits = set.spec.updateStrategy?.rollingUpdate ?? {}
  const maxSurge = resolveIntOrPercent(limits.maxSurge, wanted.length, 'up')
  const isFine = (pod: Pod) => isPodReady(pod) && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, situation.nowMs)
  const sides = wanted.map(({ node, pods }) => {
    const live = pods.filter((pod) => !isPodTerminating(pod))
    return { node, old: live.find((pod) => hashOf(pod) !== hash), fresh: live.find((pod) => hashOf(pod) === hash), isLeaving: pods.length > live.length }
  })
  if (maxSurge > 0) return rollBySurge(sides, { maxSurge, isFine })
  const maxUnavailable = Math.max(1, resolveIntOrPercent(limits.maxUnavailable ?? 1, wanted.length, 'up'))
  const isDown = ({ old, fresh }: Side) => !((old && isFine(old)) || (fresh && isFine(fresh)))
  const outdated = sides.filter(({ old }) => old !== undefined)
  // One that is down already may be replaced at no cost.
  const free = outdated.filter(isDown).flatMap(({ old }) => old ?? [])
  const room = Math.max(0, maxUnavailable - sides.filter(isDown).length)
  const next = outdated.filter((side) => !isDown(side)).slice(0, room)
  return { create: [], delete: [...free, ...next.flatMap(({ old }) => old ?? [])] }
}

interface Side {
  readonly node: Node
  readonly old: Pod | undefined
  readonly fresh: Pod | undefined
  readonly isLeaving: boolean
}

const rollBySurge = (sides: readonly Side[], { maxSurge, isFine }: { maxSurge: number; isFine: (pod: Pod) => boolean }): Pick<Plan, 'create' | 'delete'> => {
  const replaced = sides.filter(({ old, fresh }) => old && fresh && isFine(fresh))
  const rising = sides.filter(({ old, fresh }) => old && fresh && !isFine(fresh)).length
  const next = sides.filter(({ old, fresh }) => old && !fresh).slice(0, Math.max(0, maxSurge - rising))
  return { create: next.map(({ node }) => node.metadata.name), delete: replaced.flatMap(({ old }) => old ?? []) }
}

/** What the set reports of nodes and Pods. */
export const daemonSetStatus = (situation: Situation, collisionCount: number) => {
  const { set, hash, nowMs } = situation
  const places = placesOf(situation)
  const wanted = places.filter(({ shouldRun }) => shouldRun)
  const having = (test: (pod: Pod) => boolean) => wanted.filter(({ pods }) => pods.some((pod) => !isPodTerminating(pod) && test(pod))).length
  const available = having((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs))
  const updated = having((pod) => hashOf(pod) === hash)
  return {
    currentNumberScheduled: wanted.filter(({ pods }) => pods.length > 0).length,
    numberMisscheduled: places.filter(({ shouldRun, pods }) => !shouldRun && pods.length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: having(isPodReady),
    observedGeneration: set.metadata.generation ?? 0,
    ...(updated > 0 ? { updatedNumberScheduled: updated } : {}),
    ...(available > 0 ? { numberAvailable: available } : {}),
    ...(wanted.length > available ? { numberUnavailable: wanted.length - available } : {}),
    ...(collisionCount > 0 ? { collisionCount } : {}),
  }
}
