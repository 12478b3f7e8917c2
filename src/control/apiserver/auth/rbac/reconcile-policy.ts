import type { ClusterRole, RbacSubject, RoleBinding } from '../../../../base/api/generated/types.ts'
import type { Kind } from '../../../../base/api/kind.ts'
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../../base/api/kinds.ts'
import type { Draft, KubeObject } from '../../../../base/api/object.ts'
import type { Client } from '../../../../base/client/client.ts'
import { isStatusError } from '../../../../base/machinery/status-error.ts'
import { defaultClusterRoleBindings, defaultClusterRoles, defaultRoleBindings, defaultRoles } from './default-policy.ts'
import { notCovered } from './rule.ts'

const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate'

type Complete = (stored: KubeObject, wanted: object) => object | undefined

/**
 * Makes the default roles and bindings, and gives those that are there back what they lack. What a user added stays;
 * one whose annotation `autoupdate` is not "true" is left alone.
 */
export const reconcilePolicy = (client: Client): Promise<void>[] => [
  ...defaultClusterRoles.map((role) => reconcile(client, clusterRoles, role, withRules)),
  ...defaultClusterRoleBindings.map((binding) => reconcile(client, clusterRoleBindings, binding, withSubjects)),
  ...defaultRoles.map((role) => reconcile(client, roles, role, withRules)),
  ...defaultRoleBindings.map((binding) => reconcile(client, roleBindings, binding, withSubjects)),
]

async function reconcile<T extends KubeObject>(client: Client, kind: Kind<T>, wanted: Draft<T>, complete: Complete): Promise<void> {
  try {
    await client.create(kind, wanted)
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error
    const { name, namespace } = (wanted as KubeObject).metadata
    const stored = await client.get(kind, { name, namespace })
    if (stored.metadata.annotations?.[autoupdate] !== 'true') return
    const next = complete(stored, wanted)
    if (next) await client.update(kind, next as Draft<T>)
  }
}

/** Undefined: nothing is missing. An aggregated role is the sum of others. */
export function withRules(stored: KubeObject, wanted: object): object | undefined {
  const [has, wants] = [stored as Partial<ClusterRole>, wanted as Partial<ClusterRole>]
  if (has.aggregationRule) return undefined
  const held = has.rules ?? []
  const missing = notCovered(held, wants.rules ?? [])
  return missing.length ? { ...stored, rules: [...held, ...missing] } : undefined
}

/** Undefined: nobody is missing. */
export function withSubjects(stored: KubeObject, wanted: object): object | undefined {
  const [has, wants] = [stored as Partial<RoleBinding>, wanted as Partial<RoleBinding>]
  const held = has.subjects ?? []
  const missing = (wants.subjects ?? []).filter((one) => !held.some((other) => isSame(one, other)))
  return missing.length ? { ...stored, subjects: [...held, ...missing] } : undefined
}

const isSame = (a: RbacSubject, b: RbacSubject): boolean => a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '')
