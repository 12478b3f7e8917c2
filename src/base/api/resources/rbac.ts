// Roles and their bindings.
import { isDeepStrictEqual } from 'node:util'
import type { ClusterRole, ClusterRoleBinding, PolicyRule, RbacSubject, Role, RoleBinding } from '../generated/types.ts'
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../kinds.ts'
import type { Mutable } from '../object.ts'
import type { ColumnOf, FieldFault } from '../resource.ts'
import { ageColumn, column, nameColumn, wide } from './columns.ts'
import { createdColumn } from './core/limits.ts'
import { defineResource } from './define-resource.ts'
import { invalid, notSupported, required } from './field.ts'

type Binding = RoleBinding | ClusterRoleBinding
const group = 'rbac.authorization.k8s.io'

const validateRules = (rules: readonly PolicyRule[] | undefined, namespaced: boolean): FieldFault[] =>
  (rules ?? []).flatMap((rule, i) => {
    const at = `rules[${i}]`
    const noVerbs = (rule.verbs ?? []).length === 0 ? [required(`${at}.verbs`, 'verbs must contain at least one value')] : []
    if ((rule.nonResourceURLs ?? []).length > 0) {
      if (namespaced) return [...noVerbs, invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs')]
      return (rule.resources ?? []).length > 0
        ? [...noVerbs, invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, 'rules cannot apply to both regular resources and non-resource URLs')]
        : noVerbs
    }
    return [
      ...noVerbs,
      ...((rule.apiGroups ?? []).length === 0 ? [required(`${at}.apiGroups`, 'resource rules must supply at least one api group')] : []),
      ...((rule.resources ?? []).length === 0 ? [required(`${at}.resources`, 'resource rules must supply at least one resource')] : []),
    ]
  })

export const role = defineResource<Role>({
  kind: roles,
  hasSpec: false,
  nameRule: 'path',
  validate: ({ rules }) => validateRules(rules, true),
  columns: [nameColumn, createdColumn],
})

export const clusterRole = defineResource<ClusterRole>({
  kind: clusterRoles,
  hasSpec: false,
  nameRule: 'path',
  validate: ({ rules }) => validateRules(rules, false),
  columns: [nameColumn, createdColumn],
})

const defaultBinding = ({ roleRef, subjects }: Mutable<Binding>): void => {
  if (roleRef) roleRef.apiGroup ||= group
  for (const subject of subjects ?? []) if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= group
}

const validateSubject = (subject: RbacSubject, at: string): FieldFault[] => [
  ...(subject.name ? [] : [required(`${at}.name`)]),
  ...(['ServiceAccount', 'User', 'Group'].includes(subject.kind) ? [] : [notSupported(`${at}.kind`, subject.kind, ['ServiceAccount', 'User', 'Group'])]),
  ...(subject.kind === 'ServiceAccount' && !subject.namespace ? [required(`${at}.namespace`)] : []),
  ...(subject.kind === 'ServiceAccount' && subject.apiGroup ? [notSupported(`${at}.apiGroup`, subject.apiGroup, [''])] : []),
]

const validateBinding = ({ roleRef, subjects }: Binding, old: Binding | undefined, kinds: readonly string[]): FieldFault[] => [
  ...(roleRef?.name ? [] : [required('roleRef.name')]),
  ...(kinds.includes(roleRef?.kind) ? [] : [notSupported('roleRef.kind', roleRef?.kind, kinds)]),
  ...(roleRef?.apiGroup === group ? [] : [notSupported('roleRef.apiGroup', roleRef?.apiGroup, [group])]),
  ...(subjects ?? []).flatMap((subject, i) => validateSubject(subject, `subjects[${i}]`)),
  ...(old && !isDeepStrictEqual(roleRef, old.roleRef) ? [invalid('roleRef', roleRef, 'cannot change roleRef')] : []),
]

const namesOf = ({ subjects = [] }: Binding, kind: string): string =>
  subjects
    .filter((subject) => subject.kind === kind)
    .map((subject) => (kind === 'ServiceAccount' ? `${subject.namespace}/${subject.name}` : subject.name))
    .join(', ')

const bindingColumns: readonly ColumnOf<Binding>[] = [
  nameColumn,
  column('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`, { description: 'What it grants.' }),
  ageColumn,
  wide('Users', (object) => namesOf(object, 'User'), { description: 'The users it is granted to.' }),
  wide('Groups', (object) => namesOf(object, 'Group'), { description: 'The groups it is granted to.' }),
  wide('ServiceAccounts', (object) => namesOf(object, 'ServiceAccount'), { description: 'The service accounts it is granted to.' }),
]

export const roleBinding = defineResource<RoleBinding>({
  kind: roleBindings,
  hasSpec: false,
  nameRule: 'path',
  defaults: defaultBinding,
  validate: (object, old) => validateBinding(object, old, ['Role', 'ClusterRole']),
  columns: bindingColumns,
})

export const clusterRoleBinding = defineResource<ClusterRoleBinding>({
  kind: clusterRoleBindings,
  hasSpec: false,
  nameRule: 'path',
  defaults: defaultBinding,
  validate: (object, old) => validateBinding(object, old, ['ClusterRole']),
  columns: bindingColumns,
})
