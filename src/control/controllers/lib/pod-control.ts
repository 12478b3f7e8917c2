// Making and deleting the Pods of an owner, told as upstream tells it: Events on the owner, slow start, expectations.
import type { Pod, PodTemplateSpec } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import { pods } from '../../../base/api/kinds.ts'
import { type Draft, keyOf, type KubeObject } from '../../../base/api/object.ts'
import type { InformerHandler } from '../../../base/client/informer-contract.ts'
import { controllerOf, controllerRef } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import type { ControllerContext } from '../controller.ts'
import type { Expectations } from './expectations.ts'
import { isPodTerminating } from './pods.ts'

// As upstream: a round creates or deletes this many Pods at most.
export const burst = 500

export interface Failure {
  readonly reason: 'FailedCreate' | 'FailedDelete'
  readonly message: string
}

export interface PodControlResult {
  readonly failure?: Failure
  readonly error?: Error
}

export interface PodControl<T extends KubeObject> {
  /** Makes one Pod for each draft. Answers the first failure instead of throwing it: the owner's status may want to show it. */
  create(owner: T, drafts: readonly Draft<Pod>[]): Promise<PodControlResult>
  delete(owner: T, victims: readonly Pod[]): Promise<PodControlResult>
}

export const createPodControl = <T extends KubeObject>(context: ControllerContext, kind: Kind<T>, expectations: Expectations): PodControl<T> => ({
  create: (owner, drafts) => createAll({ context, kind, expectations, owner }, drafts),
  delete: (owner, victims) => deleteAll({ context, kind, expectations, owner }, victims),
})

/** A Pod from a template, named after its owner unless `metadata` says otherwise. */
export const podFromTemplate = (owner: KubeObject, template: PodTemplateSpec | undefined, metadata: Draft<Pod['metadata']> = {}): Draft<Pod> => {
  const { labels, annotations, finalizers } = template?.metadata ?? {}
  return {
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      labels,
      annotations,
      finalizers,
      ...metadata,
    },
    spec: template?.spec as Draft<Pod['spec']>,
  }
}

interface Owned<T extends KubeObject> {
  readonly context: ControllerContext
  readonly kind: Kind<T>
  readonly expectations: Expectations
  readonly owner: T
}

const createAll = async <T extends KubeObject>(owned: Owned<T>, drafts: readonly Draft<Pod>[]): Promise<PodControlResult> => {
  const { expectations, owner } = owned
  const key = keyOf(owner)
  expectations.expect(key, { creations: drafts.length })
  const { attempted, error } = await slowStart(drafts, async (draft) => {
    try {
      await createPod(owned, draft)
    } catch (failed) {
      expectations.created(key)
      throw failed
    }
  })
  expectations.created(key, drafts.length - attempted)
  // A namespace on its way out refuses every Pod: nothing to report, nothing to repeat.
  if (error === undefined || isNamespaceTerminating(error)) return {}
  return { error, failure: { reason: 'FailedCreate', message: error.message } }
}

const createPod = async <T extends KubeObject>({ context, kind, owner }: Owned<T>, draft: Draft<Pod>): Promise<void> => {
  const { client, recorder } = context
  try {
    const pod = await client.create(pods, { ...draft, metadata: { ...draft.metadata, ownerReferences: [controllerRef(kind, owner)] } })
    recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
  } catch (error) {
    if (!isNamespaceTerminating(error)) recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`)
    throw error
  }
}

/** Runs `task` in batches of 1, 2, 4 and so on, and stops after the first batch with a failure: a bad template fails once, not a thousand times. */
const slowStart = async <T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<{ attempted: number; error?: Error }> => {
  let attempted = 0
  for (let size = 1; attempted < items.length; size *= 2) {
    const batch = items.slice(attempted, attempted + size)
    attempted += batch.length
    const results = await Promise.allSettled(batch.map(task))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) return { attempted, error: failed.reason as Error }
  }
  return { attempted }
}

const deleteAll = async <T extends KubeObject>(owned: Owned<T>, victims: readonly Pod[]): Promise<PodControlResult> => {
  owned.expectations.expect(keyOf(owned.owner), { deletions: victims.map((pod) => pod.metadata.uid) })
  const results = await Promise.allSettled(victims.map((pod) => deletePod(owned, pod)))
  const failed = results.find((result) => result.status === 'rejected')
  if (!failed) return {}
  const error = failed.reason as Error
  return { error, failure: { reason: 'FailedDelete', message: error.message } }
}

const deletePod = async <T extends KubeObject>({ context, expectations, owner }: Owned<T>, pod: Pod): Promise<void> => {
  const { client, recorder } = context
  const { namespace, name, uid } = pod.metadata
  try {
    await client.delete(pods, { namespace, name }, { preconditions: { uid } })
    recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    expectations.deleted(keyOf(owner), uid)
    if (isStatusError(error, 'NotFound')) return
    recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`)
    throw error
  }
}

const isNamespaceTerminating = (error: unknown): boolean =>
  isStatusError(error, 'Forbidden') && (error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)

/** The key of the owner of this kind that a Pod has; undefined where it has none. */
export const ownerKeyOf = (kind: Kind, pod: Pod | undefined): string | undefined => {
  const owner = pod && controllerOf(pod)
  return owner?.kind === kind.kind ? `${pod?.metadata.namespace}/${owner.name}` : undefined
}

/**
 * The keys that a Pod's change concerns: its owners of this kind, or for a Pod without any those that would adopt it. Marks expectations
 * as they come true.
 */
export const keysOfOwnedPod =
  (options: { readonly kind: Kind; readonly expectations: Expectations; readonly adopters: (pod: Pod) => readonly KubeObject[] }) =>
  ({ old, object }: Parameters<InformerHandler<Pod>>[0]): readonly string[] => {
    const { kind, expectations, adopters } = options
    const owners = new Set([ownerKeyOf(kind, old), ownerKeyOf(kind, object)].filter((key) => key !== undefined))
    for (const owner of owners) {
      if (object && !old) expectations.created(owner)
      if (!object || isPodTerminating(object)) expectations.deleted(owner, (object ?? old)?.metadata.uid ?? '')
    }
    if (object && !controllerOf(object) && !isPodTerminating(object)) for (const owner of adopters(object)) owners.add(keyOf(owner))
    return [...owners]
  }
