import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PolicyRule, RbacSubject } from '../../../../base/api/generated/types.ts'
import * as kinds from '../../../../base/api/kinds.ts'
import type { UserInfo } from '../../request.ts'
import { createAsk } from '../../testing/ask.ts'
import { startTestServer, type TestServer } from '../../testing/test-server.ts'
import { impersonate } from '../impersonation.ts'
import { ruleAllows } from './rule.ts'

let running: TestServer
const ask = createAsk(() => running.server)
const rbac = 'rbac.authorization.k8s.io'
const account = (name: string, namespace = 'default'): UserInfo => ({
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
})
const person = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] })
const nobody: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

const bind = async (name: string, role: string, subjects: RbacSubject[], namespace?: string) => {
  const roleRef = { apiGroup: rbac, kind: role.startsWith('Role/') ? 'Role' : 'ClusterRole', name: role.replace('Role/', '') }
  await (namespace
    ? running.client.create(kinds.roleBindings, { metadata: { name, namespace }, roleRef, subjects })
    : running.client.create(kinds.clusterRoleBindings, { metadata: { name }, roleRef, subjects }))
}
const user = (name: string): RbacSubject => ({ kind: 'User', name, apiGroup: rbac })

beforeAll(async () => {
  running = await startTestServer()
  await running.client.create(kinds.namespaces, { metadata: { name: 'team' } })
  await bind('viewers', 'view', [user('vera'), { kind: 'ServiceAccount', name: 'reader', namespace: 'default' }], 'team')
  await bind('admins', 'admin', [user('adam')], 'team')
  await bind('everywhere', 'edit', [{ kind: 'Group', name: 'builders', apiGroup: rbac }])
})
afterAll(() => running.stop())

test.each<[who: string, user: UserInfo, verb: string, target: string, status: number]>([
  ['an account without a binding', account('default'), 'GET', '/api/v1/namespaces/default/pods', 403],
  ['an account without a binding', account('default'), 'GET', '/api', 200],
  ['an account without a binding', account('default'), 'GET', '/metrics', 403],
  ['an account with a view of another namespace', account('reader'), 'GET', '/api/v1/namespaces/team/pods', 200],
  ['an account with a view of another namespace', account('reader'), 'GET', '/api/v1/namespaces/default/pods', 403],
  ['an account with a view of another namespace', account('reader'), 'GET', '/api/v1/pods', 403],
  ['a viewer', person('vera'), 'GET', '/api/v1/namespaces/team/secrets', 403],
  ['a viewer', person('vera'), 'DELETE', '/api/v1/namespaces/team/configmaps', 403],
  ['an administrator of a namespace', person('adam'), 'GET', '/api/v1/namespaces/team/secrets', 200],
  ['an administrator of a namespace', person('adam'), 'GET', `/apis/${rbac}/v1/namespaces/team/roles`, 200],
  ['an administrator of a namespace', person('adam'), 'GET', '/api/v1/nodes', 403],
  ['an editor by group', person('bob', 'builders'), 'GET', '/api/v1/secrets', 200],
  ['an editor by group', person('bob', 'builders'), 'GET', `/apis/${rbac}/v1/clusterroles`, 403],
  ['a cluster administrator', person('root', 'system:masters'), 'GET', '/api/v1/nodes', 200],
  ['nobody', nobody, 'GET', '/version', 200],
  ['nobody', nobody, 'GET', '/readyz', 200],
  ['nobody', nobody, 'GET', '/api', 403],
  ['nobody', nobody, 'GET', '/api/v1/namespaces/kube-public/configmaps/cluster-info', 200],
])('%s, %o: %s %s is %i', async (_, asking, method, target, status) => {
  expect((await ask(target, { method, user: asking })).status).toBe(status)
})

test("a refusal has upstream's words", async () => {
  expect((await ask('/api/v1/namespaces/default/pods', { user: account('default') })).body.message).toBe(
    'pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default"',
  )
  expect((await ask('/metrics', { user: account('default') })).body.message).toBe(
    'forbidden: User "system:serviceaccount:default:default" cannot get path "/metrics"',
  )
})

describe('rules', () => {
  const on = (apiGroups: string, resources: string, verbs: string, more: object = {}): PolicyRule => ({
    apiGroups: [apiGroups],
    resources: [resources],
    verbs: [verbs],
    ...more,
  })
  const access = (verb: string, plural: string, subresource = '', name = '', group = '') => ({
    user: nobody,
    verb,
    group,
    version: 'v1',
    plural,
    subresource,
    namespace: 'x',
    name,
    path: '',
  })
  test.each([
    [on('', 'pods', 'get'), access('get', 'pods'), true],
    [on('', 'pods', 'get'), access('get', 'pods', 'log'), false],
    [on('', 'pods/log', 'get'), access('get', 'pods', 'log'), true],
    [on('*', '*/scale', '*'), access('update', 'deployments', 'scale', 'a', 'apps'), true],
    [on('*', '*', '*'), access('update', 'deployments', 'scale', 'a', 'apps'), true],
    [on('apps', 'pods', 'get'), access('get', 'pods'), false],
    [on('', 'configmaps', 'get', { resourceNames: ['a'] }), access('get', 'configmaps', '', 'a'), true],
    [on('', 'configmaps', 'get', { resourceNames: ['a'] }), access('get', 'configmaps', '', 'b'), false],
    [on('', 'configmaps', '*', { resourceNames: ['a'] }), access('create', 'configmaps'), false],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, { ...access('get', ''), path: '/healthz/ping' }, true],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, { ...access('get', ''), path: '/healthz' }, false],
  ])('%o and %o: %s', (rule, asked, allowed) => {
    expect(ruleAllows(rule, asked)).toBe(allowed)
  })
})

describe('changes count at once', () => {
  beforeEach(async () => {
    await running.client.delete(kinds.clusterRoles, { name: 'widening' }).catch(() => undefined)
  })

  test('an aggregated role grows with the roles that it selects', async () => {
    const clear = () => ask('/api/v1/namespaces/team/resourcequotas', { method: 'DELETE', user: person('adam') })
    expect((await clear()).status).toBe(403)
    const labels = { [`${rbac}/aggregate-to-admin`]: 'true' }
    const rules = [{ apiGroups: [''], resources: ['resourcequotas'], verbs: ['deletecollection'] }]
    await running.client.create(kinds.clusterRoles, { metadata: { name: 'widening', labels }, rules })
    expect((await clear()).status).toBe(200)
    await running.client.delete(kinds.clusterRoles, { name: 'widening' })
    expect((await clear()).status).toBe(403)
  })

  test('so does one that aggregates it in turn', async () => {
    const labels = { [`${rbac}/aggregate-to-view`]: 'true' }
    const rules = [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }]
    await running.client.create(kinds.clusterRoles, { metadata: { name: 'widening', labels }, rules })
    const nodes = await ask('/api/v1/nodes', { user: person('bob', 'builders') })
    expect(nodes.status).toBe(200)
  })

  test('a rule with a name allows to watch that name alone', async () => {
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'], resourceNames: ['one'] }]
    await running.client.create(kinds.roles, { metadata: { name: 'one', namespace: 'team' }, rules })
    await bind('one', 'Role/one', [user('nina')], 'team')
    const list = (selector: string) => ask(`/api/v1/namespaces/team/configmaps?fieldSelector=${encodeURIComponent(selector)}`, { user: person('nina') })
    expect((await list('metadata.name=one')).status).toBe(200)
    expect((await list('metadata.name=two')).status).toBe(403)
    expect((await list('')).status).toBe(403)
  })
})

describe('reviews', () => {
  const review = (kind: string, spec: object, asking: UserInfo) =>
    ask(`/apis/authorization.k8s.io/v1/${kind}`, { method: 'POST', body: { spec }, user: asking })

  test('say what would be allowed, and why', async () => {
    const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'team' }
    expect((await review('selfsubjectaccessreviews', { resourceAttributes }, person('vera'))).body.status).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "viewers/team" of ClusterRole "view" to User "vera"',
    })
    expect((await review('selfsubjectaccessreviews', { resourceAttributes: { ...resourceAttributes, verb: 'delete' } }, person('vera'))).body.status).toEqual({
      allowed: false,
    })
    const asked = { resourceAttributes, user: 'someone', groups: ['builders'] }
    expect((await review('subjectaccessreviews', asked, person('root', 'system:masters'))).body.status.allowed).toBe(true)
    expect((await review('subjectaccessreviews', asked, person('vera'))).status).toBe(403)
  })

  test('list the rules of a namespace', async () => {
    const { body } = await review('selfsubjectrulesreviews', { namespace: 'team' }, person('vera'))
    expect(body.status.resourceRules).toContainEqual({ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['namespaces'] })
    expect(body.status.resourceRules.some((rule: PolicyRule) => rule.resources?.includes('secrets'))).toBe(false)
    expect((await review('selfsubjectrulesreviews', {}, person('vera'))).status).toBe(400)
  })
})

describe('nobody gives away what they do not have', () => {
  const write = (plural: string, body: object) => ask(`/apis/${rbac}/v1/namespaces/team/${plural}`, { method: 'POST', body, user: person('adam') })
  const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] })

  test('a role grants at most what its author holds', async () => {
    expect((await write('roles', { metadata: { name: 'fair' }, rules: [rule('pods')] })).status).toBe(201)
    const { status, body } = await write('roles', { metadata: { name: 'unfair' }, rules: [rule('nodes'), rule('pods')] })
    expect([status, body.message]).toEqual([
      403,
      'roles.rbac.authorization.k8s.io "unfair" is forbidden: user "adam" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}',
    ])
  })

  test('a binding grants at most what its author holds', async () => {
    const binding = (name: string, role: string) => ({
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
      subjects: [user('eve')],
    })
    expect((await write('rolebindings', binding('fair', 'edit'))).status).toBe(201)
    const { status, body } = await write('rolebindings', binding('unfair', 'cluster-admin'))
    expect(status).toBe(403)
    expect(body.message).toContain('{APIGroups:["*"], Resources:["*"], Verbs:["*"]}')
  })
})

describe('impersonation', () => {
  const as = (headers: Record<string, string>, allowed: (plural: string, name: string) => boolean) =>
    impersonate({ authorize: ({ plural, name }) => ({ allowed: allowed(plural, name) }), rulesFor: () => [] }, person('vera'), headers)

  test('of an account brings its groups along', async () => {
    const got = await as({ 'impersonate-user': 'system:serviceaccount:team:ci' }, (plural, name) => plural === 'serviceaccounts' && name === 'ci')
    expect(got.groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:team', 'system:authenticated'])
  })

  test.each<[Record<string, string>, string]>([
    [{ 'impersonate-user': 'root' }, 'users "root" is forbidden: User "vera" cannot impersonate resource "users" in API group "" at the cluster scope'],
    [
      { 'impersonate-user': 'bob', 'impersonate-group': 'builders, system:masters' },
      'groups "system:masters" is forbidden: User "vera" cannot impersonate resource "groups" in API group "" at the cluster scope',
    ],
    [{ 'impersonate-group': 'system:masters' }, 'requested [groups, extra, uid] without impersonating a user'],
  ])('%o is refused', async (headers, message) => {
    await expect(as(headers, (_, name) => name === 'bob' || name === 'builders')).rejects.toThrow(message)
  })
})
