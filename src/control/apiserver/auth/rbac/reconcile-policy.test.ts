import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../../../base/api/kinds.ts'
import { startTestServer, type TestServer } from '../../testing/test-server.ts'
import { reconcilePolicy } from './reconcile-policy.ts'

const scheduler = { name: 'system:kube-scheduler' }
const dns = { name: 'system:kube-dns' }
let running: TestServer
beforeAll(async () => {
  running = await startTestServer()
})
afterAll(() => running.stop())

const version = async () => (await running.client.get(kinds.clusterRoles, scheduler)).metadata.resourceVersion

test('a default role that lacks a rule gets it back and keeps what was added', async () => {
  const added = { apiGroups: ['example.com'], resources: ['things'], verbs: ['get'] }
  await running.client.patch(kinds.clusterRoles, dns, { rules: [added] }, { type: 'merge' })
  await Promise.all(reconcilePolicy(running.client))
  const { rules } = await running.client.get(kinds.clusterRoles, dns)
  expect(rules).toContainEqual(added)
  expect(rules).toContainEqual({ apiGroups: [''], resources: ['services'], verbs: ['watch'] })
})

test('a default binding that lost its subject gets it back', async () => {
  await running.client.patch(kinds.clusterRoleBindings, scheduler, { subjects: [] }, { type: 'merge' })
  await Promise.all(reconcilePolicy(running.client))
  expect((await running.client.get(kinds.clusterRoleBindings, scheduler)).subjects).toMatchObject([{ kind: 'User', name: 'system:kube-scheduler' }])
})

test('one that is not to be updated is left as it is', async () => {
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }
  await running.client.patch(kinds.clusterRoles, dns, { metadata: { annotations }, rules: [] }, { type: 'merge' })
  await Promise.all(reconcilePolicy(running.client))
  expect((await running.client.get(kinds.clusterRoles, dns)).rules ?? []).toEqual([])
})

test('where nothing is missing nothing is written', async () => {
  const before = await version()
  await Promise.all(reconcilePolicy(running.client))
  expect(await version()).toBe(before)
})

test.each([
  ['system:kube-scheduler', 'delete', 'nodes', false],
  ['system:kube-scheduler', 'list', 'pods', true],
  ['system:serviceaccount:kube-system:deployment-controller', 'list', 'secrets', false],
  ['system:serviceaccount:kube-system:deployment-controller', 'create', 'pods', false],
  ['system:serviceaccount:kube-system:replicaset-controller', 'create', 'pods', true],
  ['system:kube-proxy', 'list', 'secrets', false],
])('%s may %s %s: %s', async (user, verb, resource, allowed) => {
  const review = { spec: { user, resourceAttributes: { verb, resource, group: '', namespace: 'default' } } }
  const { body } = await running.server.handle({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    query: new URLSearchParams(),
    headers: {},
    body: review,
    user: { name: 'root', groups: ['system:masters'] },
    signal: new AbortController().signal,
  })
  const answer = (body instanceof Uint8Array || typeof body === 'string' ? JSON.parse(Buffer.from(body).toString()) : body) as { status: { allowed: boolean } }
  expect(answer.status.allowed).toBe(allowed)
})
