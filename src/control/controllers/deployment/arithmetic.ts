import type { Deployment, ReplicaSet } from '../../../base/api/generated/types.ts'
import { resolveIntOrPercent } from '../lib/int-or-percent.ts'
import { type Annotations, annotations, numberAnnotation } from './annotations.ts'

// The numbers of a rollout, as pure functions of the Deployment and its ReplicaSets.

export const wantedReplicas = (d: Deployment): number => d.spec.replicas ?? 1

export const isRollingUpdate = (d: Deployment): boolean => d.spec.strategy?.type !== 'Recreate'

/** How far a rolling update may go above and below the wanted count. Never both 0: then nothing could ever move. */
export const fenceposts = (d: Deployment): { maxSurge: number; maxUnavailable: number } => {
  const replicas = wantedReplicas(d)
  if (!isRollingUpdate(d)) return { maxSurge: 0, maxUnavailable: 0 }
  const { maxSurge, maxUnavailable } = d.spec.strategy?.rollingUpdate ?? {}
  const surge = resolveIntOrPercent(maxSurge ?? '25%', replicas, 'up')
  const unavailable = resolveIntOrPercent(maxUnavailable ?? '25%', replicas, 'down')
  return { maxSurge: surge, maxUnavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, replicas) }
}

/** What a ReplicaSet remembers of the size it was made for: proportional scaling compares against it. */
export const replicasAnnotations = (d: Deployment): Annotations => ({
  [annotations.desiredReplicas]: String(wantedReplicas(d)),
  [annotations.maxReplicas]: String(wantedReplicas(d) + fenceposts(d).maxSurge),
})

export const sizeOf = (rs: ReplicaSet): number => rs.spec.replicas ?? 1

export const totalSize = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, rs) => sum + sizeOf(rs), 0)

export const totalOf = (sets: readonly ReplicaSet[], field: 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas'): number =>
  sets.reduce((sum, rs) => sum + (rs.status?.[field] ?? 0), 0)

export const byAge = (a: ReplicaSet, b: ReplicaSet): number =>
  a.metadata.creationTimestamp === b.metadata.creationTimestamp
    ? a.metadata.name < b.metadata.name
      ? -1
      : 1
    : a.metadata.creationTimestamp < b.metadata.creationTimestamp
      ? -1
      : 1

/** The size that the new ReplicaSet may have now: what is wanted, as far as the surge allows beside `all` that is there. */
export const newSetSize = (d: Deployment, all: readonly ReplicaSet[], current: number): number => {
  const wanted = wantedReplicas(d)
  if (!isRollingUpdate(d) || current >= wanted) return wanted
  const room = wanted + fenceposts(d).maxSurge - totalSize(all)
  return room <= 0 ? current : current + Math.min(room, wanted - current)
}

/** New sizes of the old ReplicaSets: first their Pods that are not available go, then as many as availability spares, oldest set first. */
export const oldSetSizes = (d: Deployment, old: readonly ReplicaSet[], newSet: ReplicaSet): ReadonlyMap<ReplicaSet, number> => {
  const all = [...old, newSet]
  const minAvailable = wantedReplicas(d) - fenceposts(d).maxUnavailable
  const newUnavailable = sizeOf(newSet) - (newSet.status?.availableReplicas ?? 0)
  const maxScaledDown = totalSize(all) - minAvailable - newUnavailable
  const sizes = new Map<ReplicaSet, number>()
  if (totalSize(old) === 0 || maxScaledDown <= 0) return sizes
  const shrink = (budget: number, removable: (rs: ReplicaSet, size: number) => number) => {
    let left = budget
    for (const rs of [...old].sort(byAge)) {
      const size = sizes.get(rs) ?? sizeOf(rs)
      const removed = Math.min(left, removable(rs, size))
      if (removed <= 0) continue
      sizes.set(rs, size - removed)
      left -= removed
    }
  }
  shrink(maxScaledDown, (rs, size) => size - (rs.status?.availableReplicas ?? 0))
  shrink(totalOf(all, 'availableReplicas') - minAvailable, (_rs, size) => size)
  return sizes
}

/**
 * New sizes when a Deployment is scaled in the middle of a rollout: each active set takes its share, what rounding leaves goes to the
 * largest (growing: the newest of the largest; shrinking: the oldest).
 */
export const proportionalSizes = (d: Deployment, active: readonly ReplicaSet[]): ReadonlyMap<ReplicaSet, number> => {
  const wanted = wantedReplicas(d)
  const toAdd = (wanted > 0 ? wanted + fenceposts(d).maxSurge : 0) - totalSize(active)
  const ordered = [...active].sort((a, b) => sizeOf(b) - sizeOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)))
  const sizes = new Map<ReplicaSet, number>()
  let added = 0
  for (const rs of ordered) {
    const share = shareOf(rs, d, toAdd, added)
    sizes.set(rs, sizeOf(rs) + share)
    added += share
  }
  const largest = ordered[0]
  if (largest && toAdd !== 0) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added))
  return sizes
}

const shareOf = (rs: ReplicaSet, d: Deployment, toAdd: number, added: number): number => {
  if (sizeOf(rs) === 0 || toAdd === 0 || toAdd === added) return 0
  const allowed = toAdd - added
  return toAdd > 0 ? Math.min(fractionOf(rs, d), allowed) : Math.max(fractionOf(rs, d), allowed)
}

const fractionOf = (rs: ReplicaSet, d: Deployment): number => {
  const wanted = wantedReplicas(d)
  if (wanted === 0) return -sizeOf(rs)
  const before = numberAnnotation(rs, annotations.maxReplicas) || (d.status?.replicas ?? 0)
  return before === 0 ? 0 : Math.round((sizeOf(rs) * (wanted + fenceposts(d).maxSurge)) / before) - sizeOf(rs)
}
