import type { Deployment, ReplicaSet } from '../../../base/api/generated/types.ts'
import { deployments, replicaSets } from '../../../base/api/kinds.ts'
import { controllerRef, isControlledBy } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import type { ControllerContext } from '../controller.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { stableHash } from '../lib/stable-hash.ts'
import { annotations, maxRevision, newSetAnnotations } from './annotations.ts'
import { byAge, newSetSize, replicasAnnotations, sizeOf } from './arithmetic.ts'
import { findCondition, hasProgressDeadline, type Sets, withCondition } from './status.ts'

const hashLabel = 'pod-template-hash'

/** A Deployment as this round sees it (conditions may be ahead of what is written) with its ReplicaSets. */
export interface Rollout extends Sets {
  readonly d: Deployment
}

/** Tells the newest ReplicaSet (same template) from the old ones. */
export const splitSets = (d: Deployment, sets: readonly ReplicaSet[]): Sets => {
  const ordered = [...sets].sort(byAge)
  const newSet = ordered.find((rs) => hasSameTemplate(rs, d))
  return { newSet, old: ordered.filter((rs) => rs !== newSet) }
}

const hasSameTemplate = (rs: ReplicaSet, d: Deployment): boolean => {
  const { [hashLabel]: _hash, ...labels } = rs.spec.template.metadata?.labels ?? {}
  return semanticEqual({ ...rs.spec.template, metadata: { ...rs.spec.template.metadata, labels } }, d.spec.template)
}

/** Splits the sets, brings revision numbers in step, and with `create` makes the newest set where it is missing. */
export const syncSets = async (context: ControllerContext, d: Deployment, sets: readonly ReplicaSet[], { create }: { create: boolean }): Promise<Rollout> => {
  const { newSet, old } = splitSets(d, sets)
  const revision = maxRevision(old) + 1
  if (newSet) {
    const kept = await syncNewSet(context, d, newSet, revision)
    const found = withProgressing(context, d, 'FoundNewReplicaSet', `Found new replica set "${newSet.metadata.name}"`, { onlyFirst: true })
    return { d: await withRevision(context, found, kept.metadata.annotations?.[annotations.revision]), newSet: kept, old }
  }
  if (!create) return { d, newSet, old }
  const made = await createNewSet(context, d, old, revision)
  const shown = withProgressing(context, d, 'NewReplicaSetCreated', `Created new replica set "${made.metadata.name}"`, { onlyFirst: false })
  return { d: await withRevision(context, shown, String(revision)), newSet: made, old }
}

const syncNewSet = async ({ client }: ControllerContext, d: Deployment, newSet: ReplicaSet, revision: number): Promise<ReplicaSet> => {
  const wanted = newSetAnnotations(d, newSet.metadata.annotations ?? {}, revision)
  const minReadySeconds = d.spec.minReadySeconds ?? 0
  if (semanticEqual(wanted, newSet.metadata.annotations) && (newSet.spec.minReadySeconds ?? 0) === minReadySeconds) return newSet
  return client.update(replicaSets, { ...newSet, metadata: { ...newSet.metadata, annotations: wanted }, spec: { ...newSet.spec, minReadySeconds } })
}

const withProgressing = ({ clock }: ControllerContext, d: Deployment, reason: string, message: string, { onlyFirst }: { onlyFirst: boolean }): Deployment => {
  const current = d.status?.conditions ?? []
  if (!hasProgressDeadline(d) || (onlyFirst && findCondition(current, 'Progressing'))) return d
  return { ...d, status: { ...d.status, conditions: withCondition(current, { type: 'Progressing', status: 'True', reason, message }, clock.now()) } }
}

const withRevision = async ({ client }: ControllerContext, d: Deployment, revision: string | undefined): Promise<Deployment> => {
  if (revision === undefined || d.metadata.annotations?.[annotations.revision] === revision) return d
  const { namespace, name, resourceVersion } = d.metadata
  const patched = await client.patch(
    deployments,
    { namespace, name },
    { metadata: { annotations: { [annotations.revision]: revision }, resourceVersion } },
    { type: 'merge' },
  )
  return { ...patched, status: d.status }
}

const createNewSet = async (context: ControllerContext, d: Deployment, old: readonly ReplicaSet[], revision: number): Promise<ReplicaSet> => {
  const { client, recorder } = context
  const hash = stableHash([d.spec.template, d.status?.collisionCount ?? 0])
  const name = `${d.metadata.name}-${hash}`
  const labels = { ...d.spec.template.metadata?.labels, [hashLabel]: hash }
  const replicas = newSetSize(d, old, 0)
  const draft = {
    metadata: {
      name,
      namespace: d.metadata.namespace,
      labels,
      ownerReferences: [controllerRef(deployments, d)],
      annotations: { ...newSetAnnotations(d, {}, revision), ...replicasAnnotations(d) },
    },
    spec: {
      replicas,
      minReadySeconds: d.spec.minReadySeconds,
      selector: { ...d.spec.selector, matchLabels: { ...d.spec.selector?.matchLabels, [hashLabel]: hash } },
      template: { ...d.spec.template, metadata: { ...d.spec.template.metadata, labels } },
    },
  }
  try {
    const made = await client.create(replicaSets, draft)
    if (replicas > 0) recorder.event(d, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`)
    return made
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return resolveCollision(context, d, name, error)
    await reportCreateError(context, d, name, error as Error)
    throw error
  }
}

// Either the cache had not seen our own set yet, or another template has the same hash: then the next round counts on with another one.
const resolveCollision = async ({ client }: ControllerContext, d: Deployment, name: string, cause: unknown): Promise<ReplicaSet> => {
  const existing = await client.get(replicaSets, { namespace: d.metadata.namespace, name })
  if (isControlledBy(existing, d) && hasSameTemplate(existing, d)) return existing
  await client.update(deployments, { ...d, status: { ...d.status, collisionCount: (d.status?.collisionCount ?? 0) + 1 } }, { subresource: 'status' })
  throw cause
}

const reportCreateError = async ({ client, clock, recorder }: ControllerContext, d: Deployment, name: string, error: Error): Promise<void> => {
  if (isStatusError(error, 'Forbidden') && error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating')) return
  const message = `Failed to create new replica set "${name}": ${error.message}`
  recorder.event(d, 'Warning', 'ReplicaSetCreateError', message)
  const before = d.status?.conditions ?? []
  const conditions = hasProgressDeadline(d)
    ? withCondition(before, { type: 'Progressing', status: 'False', reason: 'ReplicaSetCreateError', message }, clock.now())
    : before
  if (conditions !== before) await client.update(deployments, { ...d, status: { ...d.status, conditions } }, { subresource: 'status' })
}

/** Resizes one set and says so; only what it remembers of the wanted counts may change as well. Answers the set as it is then. */
export const resizeSet = async ({ client, recorder }: ControllerContext, d: Deployment, rs: ReplicaSet, size: number): Promise<ReplicaSet> => {
  const wanted = replicasAnnotations(d)
  const isSame = Object.entries(wanted).every(([name, value]) => rs.metadata.annotations?.[name] === value)
  const before = sizeOf(rs)
  if (before === size && isSame) return rs
  const { namespace, name, resourceVersion } = rs.metadata
  const patched = await client.patch(
    replicaSets,
    { namespace, name },
    { metadata: { annotations: wanted, resourceVersion }, spec: { replicas: size } },
    { type: 'merge' },
  )
  if (before !== size) recorder.event(d, 'Normal', 'ScalingReplicaSet', `Scaled ${size > before ? 'up' : 'down'} replica set ${name} from ${before} to ${size}`)
  return patched
}

/** Deletes the oldest sets beyond `revisionHistoryLimit`; sets that still have Pods stay. */
export const pruneHistory = async ({ client }: ControllerContext, d: Deployment, old: readonly ReplicaSet[]): Promise<void> => {
  const limit = d.spec.revisionHistoryLimit ?? 10
  const candidates = old
    .filter((rs) => rs.metadata.deletionTimestamp === undefined)
    .sort((a, b) => Number(a.metadata.annotations?.[annotations.revision] ?? 0) - Number(b.metadata.annotations?.[annotations.revision] ?? 0))
  for (const rs of candidates.slice(0, Math.max(0, candidates.length - limit))) {
    const isBusy = sizeOf(rs) !== 0 || (rs.status?.replicas ?? 0) !== 0 || (rs.metadata.generation ?? 0) > (rs.status?.observedGeneration ?? 0)
    if (isBusy) continue
    await client.delete(replicaSets, rs.metadata, { preconditions: { uid: rs.metadata.uid }, propagationPolicy: 'Background' }).catch(unlessGone)
  }
}

const unlessGone = (error: unknown): void => {
  if (!isStatusError(error, 'NotFound')) throw error
}
