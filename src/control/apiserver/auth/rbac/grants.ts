import type { ClusterRole, ClusterRoleBinding, PolicyRule, RbacSubject, Role, RoleBinding } from '../../../../base/api/generated/types.ts'
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../../base/api/kinds.ts'
import { labelSelectorFrom } from '../../../../base/machinery/selectors.ts'
import type { Reader } from '../../context.ts'
import type { UserInfo } from '../../request.ts'

/** The rules that one binding gives to one of its subjects. */
export interface Grant {
  /** Empty: everywhere. */
  readonly namespace: string
  readonly rules: readonly PolicyRule[]
  /** Upstream's words: `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`. */
  readonly text: string
}

type Binding = RoleBinding | ClusterRoleBinding

/** Who is granted what, by subject: made from the stored roles and bindings, thrown away when one of them changes. */
export class Grants {
  readonly #bySubject = new Map<string, Grant[]>()
  readonly #roles: ReadonlyMap<string, Role>
  readonly #clusterRoles: ReadonlyMap<string, ClusterRole>

  constructor(reader: Reader) {
    this.#roles = new Map(reader.list(roles).map((role) => [`${role.metadata.namespace}/${role.metadata.name}`, role]))
    this.#clusterRoles = new Map(reader.list(clusterRoles).map((role) => [role.metadata.name, role]))
    for (const binding of reader.list(clusterRoleBindings)) this.#add(binding, '')
    for (const binding of reader.list(roleBindings)) this.#add(binding, binding.metadata.namespace!)
  }

  /** What holds for `user` in `namespace`; everywhere first. */
  *of({ name, groups }: UserInfo, namespace: string): Generator<Grant> {
    for (const key of [`User ${name}`, ...groups.map((group) => `Group ${group}`)]) {
      for (const grant of this.#bySubject.get(key) ?? []) if (!grant.namespace || grant.namespace === namespace) yield grant
    }
  }

  /** The rules of the role that a binding in `namespace` refers to; undefined when it is not there. */
  rulesOf({ kind, name }: Binding['roleRef'], namespace: string): readonly PolicyRule[] | undefined {
    if (kind === 'Role') {
      const role = this.#roles.get(`${namespace}/${name}`)
      return role && (role.rules ?? [])
    }
    const role = this.#clusterRoles.get(name)
    return role && this.#rulesOfClusterRole(role)
  }

  /** An aggregated role is the sum of those that its selectors choose. */
  #rulesOfClusterRole(role: ClusterRole, within: ReadonlySet<ClusterRole> = new Set()): readonly PolicyRule[] {
    const selectors = role.aggregationRule?.clusterRoleSelectors?.map(labelSelectorFrom)
    if (!selectors?.length) return role.rules ?? []
    // Two that select each other add nothing to one another.
    if (within.has(role)) return []
    const inside = new Set([...within, role])
    const chosen = [...this.#clusterRoles.values()].filter(({ metadata }) => selectors.some((selector) => selector.matches(metadata.labels)))
    return chosen.flatMap((one) => this.#rulesOfClusterRole(one, inside))
  }

  #add(binding: Binding, namespace: string): void {
    const rules = this.rulesOf(binding.roleRef, namespace)
    if (!rules?.length) return
    const what = namespace ? 'RoleBinding' : 'ClusterRoleBinding'
    const bindingName = namespace ? `${binding.metadata.name}/${namespace}` : binding.metadata.name
    for (const subject of binding.subjects ?? []) {
      const text = `${what} ${JSON.stringify(bindingName)} of ${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)} to ${subjectText(subject)}`
      const key = keyOf(subject)
      const grants = this.#bySubject.get(key)
      if (grants) grants.push({ namespace, rules, text })
      else this.#bySubject.set(key, [{ namespace, rules, text }])
    }
  }
}

const keyOf = ({ kind, name, namespace }: RbacSubject): string =>
  kind === 'ServiceAccount' ? `User system:serviceaccount:${namespace}:${name}` : `${kind} ${name}`

const subjectText = ({ kind, name, namespace }: RbacSubject): string => `${kind} ${JSON.stringify(kind === 'ServiceAccount' ? `${name}/${namespace}` : name)}`
