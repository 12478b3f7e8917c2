import type { Deployment, Pod, ReplicaSet } from '../../../base/api/generated/types.ts'
import type { ControllerContext } from '../controller.ts'
import { isPodFinished } from '../lib/pods.ts'
import { annotations, numberAnnotation } from './annotations.ts'
import { byAge, isRollingUpdate, newSetSize, oldSetSizes, proportionalSizes, sizeOf, totalOf, wantedReplicas } from './arithmetic.ts'
import { pruneHistory, resizeSet, type Rollout, splitSets, syncSets } from './sets.ts'
import { allSets, countedStatus, isComplete, type Sets } from './status.ts'

const isActive = (rs: ReplicaSet): boolean => sizeOf(rs) > 0

/** Was the wanted count changed since the sets got their sizes? Then the change is spread first, and the rollout goes on after it. */
export const isScalingEvent = (d: Deployment, sets: readonly ReplicaSet[]): boolean =>
  allSets(splitSets(d, sets)).some(
    (rs) =>
      isActive(rs) &&
      rs.metadata.annotations?.[annotations.desiredReplicas] !== undefined &&
      numberAnnotation(rs, annotations.desiredReplicas) !== wantedReplicas(d),
  )

/** Only sizes follow, nothing rolls: for a paused Deployment, and for a change of the wanted count. */
export const scaleOnly = async (context: ControllerContext, d: Deployment, sets: readonly ReplicaSet[]): Promise<Rollout> => {
  const rollout = await syncSets(context, d, sets, { create: false })
  const resized = await resizeAll(context, rollout, scaledSizes(rollout.d, rollout))
  if (d.spec.paused) await pruneHistory(context, d, rollout.old)
  return resized
}

const scaledSizes = (d: Deployment, sets: Sets): ReadonlyMap<ReplicaSet, number> => {
  const active = allSets(sets).filter(isActive)
  const only = active.length > 1 ? undefined : (active[0] ?? sets.newSet ?? [...sets.old].sort(byAge).at(-1))
  if (only) return new Map([[only, wantedReplicas(d)]])
  if (isSaturated(d, sets.newSet)) return new Map(sets.old.filter(isActive).map((rs) => [rs, 0]))
  return isRollingUpdate(d) ? proportionalSizes(d, active) : new Map()
}

const isSaturated = (d: Deployment, rs: ReplicaSet | undefined): boolean => {
  const wanted = wantedReplicas(d)
  return rs !== undefined && sizeOf(rs) === wanted && numberAnnotation(rs, annotations.desiredReplicas) === wanted && rs.status?.availableReplicas === wanted
}

const resizeAll = async (context: ControllerContext, rollout: Rollout, sizes: ReadonlyMap<ReplicaSet, number>): Promise<Rollout> => {
  const resize = async (rs: ReplicaSet) => (sizes.has(rs) ? resizeSet(context, rollout.d, rs, sizes.get(rs) ?? sizeOf(rs)) : rs)
  const old: ReplicaSet[] = []
  for (const rs of rollout.old) old.push(await resize(rs))
  return { d: rollout.d, old, newSet: rollout.newSet && (await resize(rollout.newSet)) }
}

/** One step of a rolling update: the new set grows as far as the surge allows; else the old ones shrink as far as availability allows. */
export const rollingStep = async (context: ControllerContext, d: Deployment, sets: readonly ReplicaSet[]): Promise<Rollout> => {
  const rollout = await syncSets(context, d, sets, { create: true })
  const { newSet, old } = rollout
  if (!newSet) return rollout
  const size = newSetSize(rollout.d, allSets(rollout), sizeOf(newSet))
  if (size !== sizeOf(newSet)) return resizeAll(context, rollout, new Map([[newSet, size]]))
  const sizes = oldSetSizes(rollout.d, old, newSet)
  if (sizes.size > 0) return resizeAll(context, rollout, sizes)
  return pruned(context, rollout)
}

/** One step of Recreate: all old Pods go, and only when none is left the new set comes. */
export const recreateStep = async (
  context: ControllerContext,
  d: Deployment,
  sets: readonly ReplicaSet[],
  podsOf: (rs: ReplicaSet) => readonly Pod[],
): Promise<Rollout> => {
  const rollout = await syncSets(context, d, sets, { create: false })
  const active = rollout.old.filter(isActive)
  if (active.length > 0) return resizeAll(context, rollout, new Map(active.map((rs) => [rs, 0])))
  const oldPodsRun = totalOf(rollout.old, 'replicas') > 0 || rollout.old.some((rs) => podsOf(rs).some((pod) => !isPodFinished(pod)))
  if (oldPodsRun) return rollout
  const created = rollout.newSet ? rollout : await syncSets(context, rollout.d, sets, { create: true })
  const { newSet } = created
  const grown = newSet ? await resizeAll(context, created, new Map([[newSet, wantedReplicas(d)]])) : created
  return pruned(context, grown)
}

const pruned = async (context: ControllerContext, rollout: Rollout): Promise<Rollout> => {
  if (isComplete(rollout.d, countedStatus(rollout.d, rollout, context.clock.now()))) await pruneHistory(context, rollout.d, rollout.old)
  return rollout
}
