import type { OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from '../../../base/api/generated/types.ts'
import { persistentVolumeClaims, pods, statefulSets } from '../../../base/api/kinds.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerRef } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import type { ControllerContext } from '../controller.ts'
import { claimsFor, isInRange, ordinalOf } from './identity.ts'

export interface ClaimContext extends ControllerContext {
  readonly claims: Informer<PersistentVolumeClaim>
}

/** Makes the claims of a Pod that are missing; they must be there before the Pod. */
export const ensureClaims = async ({ client, claims, recorder }: ClaimContext, set: StatefulSet, pod: string): Promise<void> => {
  for (const draft of claimsFor(set, pod)) {
    const name = draft.metadata?.name ?? ''
    const known = claims.get(`${set.metadata.namespace}/${name}`)
    if (known?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`)
    if (known) continue
    try {
      await client.create(persistentVolumeClaims, draft)
      recorder.event(set, 'Normal', 'SuccessfulCreate', `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`)
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) continue
      const message = `create Claim ${name} for Pod ${pod} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`
      recorder.event(set, 'Warning', 'FailedCreate', message)
      throw error
    }
  }
}

/**
 * Lets claims go with their Pod or their set as `persistentVolumeClaimRetentionPolicy` says: by owner references, which the garbage
 * collector follows. A claim belongs to its Pod only once that Pod is scaled away.
 */
export const syncClaimOwners = async ({ client, claims }: ClaimContext, set: StatefulSet, owned: readonly Pod[]): Promise<void> => {
  for (const pod of owned) {
    for (const { metadata } of claimsFor(set, pod.metadata.name)) {
      const claim = claims.get(`${set.metadata.namespace}/${metadata?.name}`)
      if (!claim || claim.metadata.deletionTimestamp) continue
      const refs = ownersOf(claim, set, pod)
      if (!refs) continue
      const { namespace, name, resourceVersion } = claim.metadata
      const patch = { metadata: { ownerReferences: refs.length > 0 ? refs : null, resourceVersion } }
      await client.patch(persistentVolumeClaims, { namespace, name }, patch, { type: 'merge' })
    }
  }
}

/** The owner references that a claim should have; undefined where it has them. */
const ownersOf = (claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): readonly OwnerReference[] | undefined => {
  const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {}
  const isCondemned = !isInRange(set, ordinalOf(set, pod) ?? -1)
  const goesWithPod = whenScaled === 'Delete' && isCondemned
  const goesWithSet = whenDeleted === 'Delete' && !goesWithPod
  const refs = claim.metadata.ownerReferences ?? []
  const others = refs.filter(({ uid, kind, name }) => uid !== set.metadata.uid && !(kind === 'Pod' && name === pod.metadata.name))
  const wanted = [...others, ...(goesWithSet ? [controllerRef(statefulSets, set)] : []), ...(goesWithPod ? [podRef(pod)] : [])]
  const ids = (list: readonly OwnerReference[]) =>
    list
      .map(({ uid }) => uid)
      .sort()
      .join()
  return ids(wanted) === ids(refs) ? undefined : wanted
}

const podRef = (pod: Pod): OwnerReference => ({ apiVersion: 'v1', kind: pods.kind, name: pod.metadata.name, uid: pod.metadata.uid })
