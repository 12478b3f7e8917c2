import { expect, test } from 'vitest'
import { controllers } from '../../control/controllers/index.ts'
import { defaultClusterRoleBindings, defaultClusterRoles } from '../../control/apiserver/auth/rbac/default-policy.ts'

const accounts = [...new Set(controllers.map(({ name, serviceAccount }) => serviceAccount ?? name))]

test.each(accounts)('the controller of the account %s is bound to a role that is there', (account) => {
  const roles = defaultClusterRoleBindings
    .filter(({ subjects }) => subjects?.some(({ kind, name, namespace }) => kind === 'ServiceAccount' && name === account && namespace === 'kube-system'))
    .map(({ roleRef }) => roleRef?.name ?? '')
  expect(roles).not.toEqual([])
  expect(defaultClusterRoles.map((role) => role.metadata?.name)).toEqual(expect.arrayContaining(roles))
})

test('every default binding names a default role, and no name is there twice', () => {
  const names = defaultClusterRoles.map(({ metadata }) => metadata?.name ?? '')
  expect(new Set(names).size).toBe(names.length)
  expect(defaultClusterRoleBindings.map(({ roleRef }) => roleRef?.name ?? '').filter((name) => !names.includes(name))).toEqual([])
})
