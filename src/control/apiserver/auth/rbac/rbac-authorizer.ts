import type { PolicyRule } from '../../../../base/api/generated/types.ts'
import type { Reader } from '../../context.ts'
import type { UserInfo } from '../../request.ts'
import type { AccessRequest, Authorizer, Decision } from '../authorizer.ts'
import { Grants } from './grants.ts'
import { nodeNameOf, type NodeAuthorizer } from '../node/node-authorizer.ts'
import { nodeRules } from '../node/node-rules.ts'
import { ruleAllows } from './rule.ts'

export interface RbacOptions {
  readonly reader: Reader
  /** Asked first, as upstream's mode `Node,RBAC`. */
  readonly nodes: NodeAuthorizer
}

const superusers = 'system:masters'

/** Roles and bindings decide, and for kubelets what runs on their node. `system:masters` may do anything, whatever they say. */
export class RbacAuthorizer implements Authorizer {
  readonly #reader: Reader
  readonly #nodes: NodeAuthorizer
  #grants: Grants | undefined

  constructor({ reader, nodes }: RbacOptions) {
    this.#reader = reader
    this.#nodes = nodes
  }

  /** A role or binding has changed. */
  invalidate(): void {
    this.#grants = undefined
  }

  get grants(): Grants {
    return (this.#grants ??= new Grants(this.#reader))
  }

  authorize(access: AccessRequest): Decision {
    if (this.isUnbound(access.user)) return { allowed: true }
    const asNode = this.#nodes.authorize(access)
    if (asNode?.allowed) return asNode
    for (const { rules, text } of this.grants.of(access.user, access.namespace)) {
      if (rules.some((rule) => ruleAllows(rule, access))) return { allowed: true, reason: `RBAC: allowed by ${text}` }
    }
    return asNode ?? { allowed: false }
  }

  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
    if (this.isUnbound(user)) return [all, { verbs: ['*'], nonResourceURLs: ['*'] }]
    const own = nodeNameOf(user) === undefined ? [] : nodeRules
    return [...own, ...[...this.grants.of(user, namespace)].flatMap(({ rules }) => rules)]
  }

  isUnbound({ groups }: UserInfo): boolean {
    return groups.includes(superusers)
  }
}
