import type { PolicyRule } from '../../../../base/api/generated/types.ts'
import type { Reader } from '../../context.ts'
import type { UserInfo } from '../../request.ts'
import type { AccessRequest, Authorizer, Decision } from '../authorizer.ts'
import { Grants } from './grants.ts'
import { ruleAllows } from './rule.ts'

export interface RbacOptions {
  readonly reader: Reader
  /** Users and groups of the cluster's own parts, which are not held to roles. */
  readonly components: readonly string[]
}

const superusers = 'system:masters'

/** Roles and bindings decide. `system:masters` may do anything, whatever they say. */
export class RbacAuthorizer implements Authorizer {
  readonly #reader: Reader
  readonly #unbound: ReadonlySet<string>
  #grants: Grants | undefined

  constructor({ reader, components }: RbacOptions) {
    this.#reader = reader
    this.#unbound = new Set([superusers, ...components])
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
    for (const { rules, text } of this.grants.of(access.user, access.namespace)) {
      if (rules.some((rule) => ruleAllows(rule, access))) return { allowed: true, reason: `RBAC: allowed by ${text}` }
    }
    return { allowed: false }
  }

  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    const all = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] }
    if (this.isUnbound(user)) return [all, { verbs: ['*'], nonResourceURLs: ['*'] }]
    return [...this.grants.of(user, namespace)].flatMap(({ rules }) => rules)
  }

  isUnbound({ name, groups }: UserInfo): boolean {
    return this.#unbound.has(name) || groups.some((group) => this.#unbound.has(group))
  }
}
