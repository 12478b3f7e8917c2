import type { PolicyRule, RoleBinding } from '../../../../base/api/generated/types.ts'
import type { KubeObject } from '../../../../base/api/object.ts'
import type { AdmissionPlugin, Attributes } from '../../admission/admission.ts'
import { forbidden } from '../../errors.ts'
import type { UserInfo } from '../../request.ts'
import type { RbacAuthorizer } from './rbac-authorizer.ts'
import { notCovered, ruleText } from './rule.ts'

const group = 'rbac.authorization.k8s.io'

/**
 * Nobody gives away what they do not have: who writes a role must hold all that it grants or be allowed to `escalate` it,
 * who writes a binding must hold what its role grants or be allowed to `bind` it.
 */
export const escalationCheck = (authorizer: RbacAuthorizer): AdmissionPlugin => ({
  name: 'RBACEscalation',
  validate(attributes) {
    const { resource, object, user, operation } = attributes
    if (!object || operation === 'DELETE' || resource.kind.group !== group || authorizer.isUnbound(user)) return
    const isBinding = resource.kind.plural.endsWith('bindings')
    const [verb, name, rules] = isBinding ? asBinding(authorizer, attributes) : (['escalate', object.metadata.name, rulesOf(object)] as const)
    const plural = isBinding ? ((object as unknown as RoleBinding).roleRef.kind === 'Role' ? 'roles' : 'clusterroles') : resource.kind.plural
    const access = { user, verb, group, version: 'v1', plural, subresource: '', namespace: attributes.namespace, name: name ?? '', path: '' }
    if (authorizer.authorize(access).allowed) return
    const missing = notCovered(authorizer.rulesFor(user, attributes.namespace), rules)
    if (missing.length) throw forbidden(resource.kind, object.metadata.name ?? '', refusal(user, missing))
  },
})

const rulesOf = (object: unknown): readonly PolicyRule[] => (object as KubeObject & { rules?: readonly PolicyRule[] }).rules ?? []

function asBinding(authorizer: RbacAuthorizer, { object, namespace }: Attributes) {
  const { roleRef } = object as unknown as RoleBinding
  return ['bind', roleRef.name, authorizer.grants.rulesOf(roleRef, namespace) ?? []] as const
}

const refusal = ({ name, groups }: UserInfo, missing: readonly PolicyRule[]): string =>
  `user ${JSON.stringify(name)} (groups=[${groups.map((one) => JSON.stringify(one)).join(' ')}]) is attempting to grant RBAC permissions not currently held:\n${missing.map(ruleText).sort().join('\n')}`
