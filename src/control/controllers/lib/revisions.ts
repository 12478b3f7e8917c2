// The history of a workload's Pod templates as ControllerRevisions: what StatefulSets and DaemonSets roll back to.
import type { ControllerRevision, PodTemplateSpec } from '../../../base/api/generated/types.ts'
import { controllerRevisions } from '../../../base/api/kinds.ts'
import type { Kind } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Client } from '../../../base/client/client.ts'
import { controllerRef } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { semanticEqual } from './semantic-equal.ts'
import { stableHash } from './stable-hash.ts'

/** On Pods: the revision that they were made from, by name (StatefulSets) or hash (DaemonSets), as upstream has it. */
export const revisionLabel = 'controller-revision-hash'
const hashLabel = 'controller.kubernetes.io/hash'

export const hashOfRevision = ({ metadata }: ControllerRevision): string => metadata.labels?.[hashLabel] ?? ''

export interface RevisionOwner<T extends KubeObject> {
  readonly client: Client
  readonly kind: Kind<T>
  readonly owner: T
  readonly template: PodTemplateSpec
  readonly labels: Readonly<Record<string, string>>
  readonly collisionCount: number
}

export interface History {
  readonly update: ControllerRevision
  /** Counted up where the name that the template's hash gives was taken by another template. */
  readonly collisionCount: number
  /** Oldest first, `update` included. */
  readonly all: readonly ControllerRevision[]
}

export const byRevision = (a: ControllerRevision, b: ControllerRevision): number =>
  a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0)

/** What a revision holds: a strategic merge patch that puts the template back, as upstream stores it. */
const dataOf = (template: PodTemplateSpec) => ({ spec: { template: { ...template, $patch: 'replace' } } })

/** The Pod template that a revision holds. */
export const templateOf = (revision: ControllerRevision): PodTemplateSpec => {
  const { $patch: _, ...template } = (revision.data as { spec: { template: PodTemplateSpec & { $patch?: string } } }).spec.template
  return template
}

/** The revision of the owner's present template: the newest if it has not changed, an old one brought forward if it came back, else a new one. */
export const syncHistory = async <T extends KubeObject>(owner: RevisionOwner<T>, known: readonly ControllerRevision[]): Promise<History> => {
  const { client, template, collisionCount } = owner
  const all = [...known].sort(byRevision)
  const newest = all.at(-1)
  const same = all.findLast((revision) => semanticEqual(templateOf(revision), template))
  if (same && same === newest) return { update: same, collisionCount, all }
  const next = (newest?.revision ?? 0) + 1
  if (same) {
    const { namespace, name } = same.metadata
    const moved = await client.patch(controllerRevisions, { namespace, name }, { revision: next }, { type: 'merge' })
    return { update: moved, collisionCount, all: [...all.filter((revision) => revision !== same), moved] }
  }
  const made = await createRevision(owner, next)
  return { ...made, all: [...all, made.update] }
}

const createRevision = async <T extends KubeObject>(owner: RevisionOwner<T>, revision: number): Promise<Omit<History, 'all'>> => {
  const { client, kind, template, labels } = owner
  const { namespace, name } = owner.owner.metadata
  for (let collisionCount = owner.collisionCount; ; collisionCount++) {
    const hash = stableHash(collisionCount === 0 ? template : [template, collisionCount])
    const metadata = { name: `${name}-${hash}`, namespace, labels: { ...labels, [hashLabel]: hash }, ownerReferences: [controllerRef(kind, owner.owner)] }
    try {
      return { update: await client.create(controllerRevisions, { metadata, data: dataOf(template), revision }), collisionCount }
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error
      const other = await client.get(controllerRevisions, metadata)
      if (semanticEqual(templateOf(other), template)) return { update: other, collisionCount }
    }
  }
}

/** Removes the oldest revisions that nothing runs, as many as there are beyond `limit`. */
export const truncateHistory = async (
  client: Client,
  { all, live, limit }: { all: readonly ControllerRevision[]; live: ReadonlySet<string>; limit: number },
): Promise<void> => {
  const idle = all.filter((revision) => !live.has(revision.metadata.name)).sort(byRevision)
  for (const { metadata } of idle.slice(0, Math.max(0, idle.length - limit))) {
    try {
      await client.delete(controllerRevisions, metadata)
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error
    }
  }
}
