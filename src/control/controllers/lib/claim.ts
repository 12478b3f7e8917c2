import type { LabelSelector, OwnerReference } from '../../../base/api/generated/types.ts'
import { apiVersionOf, type Kind } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Client } from '../../../base/client/client.ts'
import { controllerOf, controllerRef } from '../../../base/client/owner-ref.ts'
import { isStatusError, StatusError } from '../../../base/machinery/status-error.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'

export interface ClaimOptions<O extends KubeObject, T extends KubeObject> {
  readonly client: Client
  readonly ownerKind: Kind<O>
  readonly owner: O
  readonly selector: LabelSelector | undefined
  readonly kind: Kind<T>
  readonly candidates: readonly T[]
  /** What must not be adopted although it matches. */
  readonly isAdoptable?: (object: T) => boolean
}

/**
 * The candidates that belong to `owner`. Adopts those that match its selector and have no controller, releases its own that no longer match.
 * An owner that is being deleted does neither.
 */
export const claim = async <O extends KubeObject, T extends KubeObject>(options: ClaimOptions<O, T>): Promise<readonly T[]> => {
  const claimed: T[] = []
  const checkOwner = once(() => checkOwnerIsAlive(options))
  for (const object of options.candidates) {
    const kept = await claimOne(options, object, checkOwner)
    if (kept) claimed.push(kept)
  }
  return claimed
}

const claimOne = async <O extends KubeObject, T extends KubeObject>(
  options: ClaimOptions<O, T>,
  object: T,
  checkOwner: () => Promise<void>,
): Promise<T | undefined> => {
  const { owner, selector, isAdoptable = () => true } = options
  const controller = controllerOf(object)
  const matches = matchesLabelSelector(selector, object.metadata.labels)
  const ownerIsLeaving = owner.metadata.deletionTimestamp !== undefined
  if (controller) {
    if (controller.uid !== owner.metadata.uid) return undefined
    if (matches || ownerIsLeaving) return object
    await setOwners(
      options,
      object,
      (object.metadata.ownerReferences ?? []).filter((ref) => ref.uid !== owner.metadata.uid),
    )
    return undefined
  }
  if (ownerIsLeaving || !matches || object.metadata.deletionTimestamp !== undefined || !isAdoptable(object)) return undefined
  await checkOwner()
  return setOwners(options, object, [...(object.metadata.ownerReferences ?? []), controllerRef(options.ownerKind, owner)])
}

const setOwners = async <O extends KubeObject, T extends KubeObject>(
  { client, kind }: ClaimOptions<O, T>,
  object: T,
  ownerReferences: readonly OwnerReference[],
) => {
  const { namespace, name, resourceVersion } = object.metadata
  try {
    return await client.patch(
      kind,
      { namespace, name },
      { metadata: { ownerReferences: ownerReferences.length ? ownerReferences : null, resourceVersion } },
      { type: 'merge' },
    )
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return undefined
    throw error
  }
}

// The cached owner may be one that was deleted or replaced meanwhile: it must not adopt in its successor's name.
const checkOwnerIsAlive = async <O extends KubeObject, T extends KubeObject>({ client, ownerKind, owner }: ClaimOptions<O, T>) => {
  const { namespace, name, uid } = owner.metadata
  const fresh = await client.get(ownerKind, { namespace, name })
  const gone = fresh.metadata.uid !== uid || fresh.metadata.deletionTimestamp !== undefined
  if (gone) throw new StatusError('Conflict', `${apiVersionOf(ownerKind)} ${ownerKind.kind} ${namespace}/${name} with uid ${uid} is gone`)
}

const once = <R>(run: () => Promise<R>): (() => Promise<R>) => {
  let result: Promise<R> | undefined
  return () => (result ??= run())
}
