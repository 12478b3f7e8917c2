import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../../base/api/generated/types.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { withoutZeros } from '../lib/semantic-equal.ts'
import { fenceposts, totalOf, totalSize, wantedReplicas } from './arithmetic.ts'

export type Conditions = readonly DeploymentCondition[]

export const findCondition = (conditions: Conditions | undefined, type: string): DeploymentCondition | undefined =>
  conditions?.find((condition) => condition.type === type)

export const withoutCondition = (conditions: Conditions, type: string): Conditions => conditions.filter((condition) => condition.type !== type)

type Verdict = Readonly<Record<'type' | 'status' | 'reason' | 'message', string>>

/** Sets a condition; nothing changes where status and reason stand already, and the transition time stays while the status does. */
export const withCondition = (conditions: Conditions, verdict: Verdict, nowMs: number): Conditions => {
  const current = findCondition(conditions, verdict.type)
  if (current && current.status === verdict.status && current.reason === verdict.reason) return conditions
  return [...withoutCondition(conditions, verdict.type), stamped(verdict, current, nowMs)]
}

const stamped = ({ type, status, reason, message }: Verdict, current: DeploymentCondition | undefined, nowMs: number): DeploymentCondition => {
  const now = stampOf(nowMs)
  return { type, status, lastUpdateTime: now, lastTransitionTime: current?.status === status ? current.lastTransitionTime : now, reason, message }
}

export interface Sets {
  readonly newSet: ReplicaSet | undefined
  readonly old: readonly ReplicaSet[]
}

export const allSets = ({ newSet, old }: Sets): readonly ReplicaSet[] => (newSet ? [...old, newSet] : old)

/** Counts and the Available condition; Progressing stays as it is. */
export const countedStatus = (d: Deployment, sets: Sets, nowMs: number): DeploymentStatus => {
  const all = allSets(sets)
  const available = totalOf(all, 'availableReplicas')
  const isAvailable = available >= wantedReplicas(d) - fenceposts(d).maxUnavailable
  const verdict: Verdict = isAvailable
    ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' }
  const counts = withoutZeros({
    observedGeneration: d.metadata.generation ?? 0,
    replicas: totalOf(all, 'replicas'),
    updatedReplicas: sets.newSet ? totalOf([sets.newSet], 'replicas') : 0,
    readyReplicas: totalOf(all, 'readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalSize(all) - available),
  })
  const collisions = d.status?.collisionCount === undefined ? {} : { collisionCount: d.status.collisionCount }
  return {
    ...counts,
    ...collisions,
    terminatingReplicas: totalOf(all, 'terminatingReplicas'),
    conditions: withCondition(d.status?.conditions ?? [], verdict, nowMs),
  }
}

/** As `countedStatus`, with what the rollout has come to. */
export const rolloutStatus = (d: Deployment, sets: Sets, nowMs: number): DeploymentStatus => {
  const status = countedStatus(d, sets, nowMs)
  const conditions = withProgress(d, sets, status, nowMs)
  return { ...status, conditions: withReplicaFailure(conditions, sets, nowMs) }
}

const noDeadline = 2 ** 31 - 1

export const hasProgressDeadline = (d: Deployment): boolean => (d.spec.progressDeadlineSeconds ?? 600) !== noDeadline

const withProgress = (d: Deployment, { newSet }: Sets, status: DeploymentStatus, nowMs: number): Conditions => {
  const conditions = status.conditions ?? []
  if (!hasProgressDeadline(d)) return withoutCondition(conditions, 'Progressing')
  const current = findCondition(d.status?.conditions, 'Progressing')
  if (status.replicas === status.updatedReplicas && current?.reason === 'NewReplicaSetAvailable') return conditions
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${d.metadata.name}"`
  if (isComplete(d, status)) {
    return withCondition(
      conditions,
      { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable', message: `${subject} has successfully progressed.` },
      nowMs,
    )
  }
  if (isProgressing(d, status)) {
    // Each step forward restarts the deadline, so the update time moves even if the reason stays.
    const verdict = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.` }
    return [...withoutCondition(conditions, 'Progressing'), stamped(verdict, current, nowMs)]
  }
  if (isTimedOut(d, status, nowMs)) {
    return withCondition(
      conditions,
      { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: `${subject} has timed out progressing.` },
      nowMs,
    )
  }
  return conditions
}

export const isComplete = (d: Deployment, status: DeploymentStatus): boolean => {
  const wanted = wantedReplicas(d)
  const counts = [status.updatedReplicas, status.replicas, status.availableReplicas]
  return counts.every((count) => (count ?? 0) === wanted) && (status.observedGeneration ?? 0) >= (d.metadata.generation ?? 0)
}

const isProgressing = (d: Deployment, status: DeploymentStatus): boolean => {
  const old = d.status ?? {}
  const outdated = (of: DeploymentStatus) => (of.replicas ?? 0) - (of.updatedReplicas ?? 0)
  const grew = (field: 'updatedReplicas' | 'readyReplicas' | 'availableReplicas') => (status[field] ?? 0) > (old[field] ?? 0)
  return grew('updatedReplicas') || outdated(status) < outdated(old) || grew('readyReplicas') || grew('availableReplicas')
}

/** Milliseconds until the progress deadline passes; undefined where none runs. */
export const msToDeadline = (d: Deployment, status: DeploymentStatus, nowMs: number): number | undefined => {
  const current = findCondition(status.conditions, 'Progressing')
  if (!hasProgressDeadline(d) || !current || current.reason === 'NewReplicaSetAvailable' || current.reason === 'ProgressDeadlineExceeded') return undefined
  return Date.parse(current.lastUpdateTime) + (d.spec.progressDeadlineSeconds ?? 600) * 1000 - nowMs
}

const isTimedOut = (d: Deployment, status: DeploymentStatus, nowMs: number): boolean => {
  if (findCondition(status.conditions, 'Progressing')?.reason === 'ProgressDeadlineExceeded') return true
  const left = msToDeadline(d, status, nowMs)
  return left !== undefined && left < 0
}

const withReplicaFailure = (conditions: Conditions, { newSet, old }: Sets, nowMs: number): Conditions => {
  const failures = [newSet, ...old]
    .map((rs) => rs?.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure'))
    .filter((found) => found !== undefined)
  const failure = failures[0]
  if (!failure) return withoutCondition(conditions, 'ReplicaFailure')
  return withCondition(conditions, { type: 'ReplicaFailure', status: failure.status, reason: failure.reason ?? '', message: failure.message ?? '' }, nowMs)
}

const progressing = (status: string, reason: string, message: string) => ({ type: 'Progressing', status, reason, message })

/** Shows that a rollout was paused or resumed, which also restarts its deadline. */
export const pausedConditions = (d: Deployment, nowMs: number): Conditions => {
  const conditions = d.status?.conditions ?? []
  const current = findCondition(conditions, 'Progressing')
  if (!hasProgressDeadline(d) || current?.reason === 'ProgressDeadlineExceeded') return conditions
  const isShown = current?.reason === 'DeploymentPaused'
  if (d.spec.paused && !isShown) return withCondition(conditions, progressing('Unknown', 'DeploymentPaused', 'Deployment is paused'), nowMs)
  if (!d.spec.paused && isShown) return withCondition(conditions, progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed'), nowMs)
  return conditions
}
