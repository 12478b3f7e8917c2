import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../../../base/api/kinds.ts'
import { createAsk } from '../../testing/ask.ts'
import { startTestServer, type TestServer } from '../../testing/test-server.ts'

let running: TestServer
const ask = createAsk(() => running.server)
const node = (name: string) => ({ name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] })

beforeAll(async () => {
  running = await startTestServer()
  const { client } = running
  for (const name of ['used', 'other']) {
    await client.create(kinds.secrets, { metadata: { name, namespace: 'default' } })
    await client.create(kinds.configMaps, { metadata: { name, namespace: 'default' } })
  }
  // A question before the Pod is there: what comes later counts as well.
  await ask('/api/v1/namespaces/default/secrets/used', { user: node('n1') })
  await client.create(kinds.pods, {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      nodeName: 'n1',
      containers: [{ name: 'app', image: 'example/app', envFrom: [{ secretRef: { name: 'used' } }] }],
      volumes: [{ name: 'v', projected: { sources: [{ configMap: { name: 'used' } }] } }],
    },
  })
})
afterAll(() => running.stop())

const path = '/api/v1/namespaces/default'
test.each<[node: string, method: string, target: string, status: number]>([
  ['n1', 'GET', `${path}/secrets/used`, 200],
  ['n1', 'GET', `${path}/configmaps/used`, 200],
  ['n1', 'GET', `${path}/secrets/other`, 403],
  ['n1', 'GET', `${path}/configmaps/other`, 403],
  ['n1', 'GET', `${path}/secrets`, 403],
  ['n1', 'GET', '/api/v1/secrets', 403],
  ['n1', 'DELETE', `${path}/secrets/used`, 403],
  ['n2', 'GET', `${path}/secrets/used`, 403],
  ['n2', 'GET', '/api/v1/nodes', 200],
  ['n2', 'POST', `${path}/serviceaccounts/default/token`, 403],
  ['n1', 'GET', '/apis/coordination.k8s.io/v1/namespaces/default/leases/n1', 403],
  ['n1', 'GET', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2', 403],
  ['n1', 'GET', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1', 404],
  ['n1', 'GET', '/apis/apps/v1/deployments', 403],
  ['n1', 'DELETE', '/api/v1/nodes/n2', 403],
])('node %s: %s %s is %i', async (name, method, target, status) => {
  expect((await ask(target, { method, user: node(name), ...(method === 'POST' ? { body: {} } : {}) })).status).toBe(status)
})

test("a refusal has upstream's words", async () => {
  const { body } = await ask(`${path}/secrets/other`, { user: node('n1') })
  expect(body.message).toBe(
    `secrets "other" is forbidden: User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "default": no relationship found between node 'n1' and this object`,
  )
})

test('a token is made for a Pod that runs on the node, and for nothing else', async () => {
  const { uid } = (await running.client.get(kinds.pods, { namespace: 'default', name: 'web' })).metadata
  const request = async (boundObjectRef?: object) =>
    ask(`${path}/serviceaccounts/default/token`, { method: 'POST', user: node('n1'), body: { spec: boundObjectRef ? { boundObjectRef } : {} } })
  const ofPod = { kind: 'Pod', apiVersion: 'v1', name: 'web' }
  expect((await request({ ...ofPod, uid })).status).toBe(201)
  const refused = 'serviceaccounts "default" is forbidden: node requested token'
  expect((await request()).body.message).toBe(`${refused} not bound to a pod`)
  expect((await request({ kind: 'Secret', apiVersion: 'v1', name: 'used' })).body.message).toBe(`${refused} not bound to a pod`)
  expect((await request(ofPod)).body.message).toBe(`${refused} with a pod binding without a uid`)
})

test('who has the name without the group is no node', async () => {
  expect((await ask(`${path}/secrets/used`, { user: { name: 'system:node:n1', groups: ['system:authenticated'] } })).status).toBe(403)
})

test('a Pod that is gone gives nothing any more', async () => {
  await running.client.delete(kinds.pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 })
  expect((await ask(`${path}/secrets/used`, { user: node('n1') })).status).toBe(403)
})
