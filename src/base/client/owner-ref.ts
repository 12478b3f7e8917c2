import { apiVersionOf, type Kind } from '../api/kind.ts'
import type { OwnerReference } from '../api/generated/types.ts'
import type { KubeObject } from '../api/object.ts'

/** The reference that makes `owner` the managing controller of what carries it. */
export const controllerRef = <T extends KubeObject>(kind: Kind<T>, owner: T): OwnerReference => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
})

/** The managing controller's reference, where there is one. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined => object.metadata.ownerReferences?.find((ref) => ref.controller)

export const isControlledBy = (object: KubeObject, owner: KubeObject): boolean => controllerOf(object)?.uid === owner.metadata.uid
