import type { ClusterRole, PolicyRule } from '../../../base/api/generated/types.ts'
import { clusterRoles } from '../../../base/api/kinds.ts'
import { equalJson } from '../../../base/machinery/equal-json.ts'
import { labelSelectorFrom } from '../../../base/machinery/selectors.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, machinery } from '../controller.ts'

const name = 'clusterrole-aggregation-controller'

/** Writes into every aggregated ClusterRole the rules of those that its selectors choose. */
export const clusterRoleAggregation: Controller = {
  name,
  start(context) {
    const { client } = context
    const all = context.informers.of(clusterRoles)
    // Any role may begin or end to be part of any sum, by its labels or its rules.
    const aggregated = () => all.list().flatMap(({ metadata, aggregationRule }) => (aggregationRule ? [metadata.name] : []))
    return startController({
      ...machinery(context),
      name,
      sources: [source(all, aggregated)],
      async reconcile(roleName) {
        const role = all.get(roleName)
        if (!role?.aggregationRule) return
        const rules = sumOf(role, all.list())
        if (!equalJson(rules, role.rules ?? [])) await client.update(clusterRoles, { ...role, rules })
      },
    })
  },
}

/** In the order of the roles' names, each rule once. */
export function sumOf(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(labelSelectorFrom)
  const isChosen = ({ metadata }: ClusterRole) => metadata.name !== role.metadata.name && selectors.some((selector) => selector.matches(metadata.labels))
  const byName = all.filter(isChosen).toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const rules: PolicyRule[] = []
  for (const rule of byName.flatMap((one) => one.rules ?? [])) if (!rules.some((known) => equalJson(known, rule))) rules.push(rule)
  return rules
}
