import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../../base/api/kinds.ts'
import type { Client } from '../../../base/client/client.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

let running: TestServer
const as = (name: string): Client => running.server.loopbackClient({ name: `system:node:${name}`, groups: ['system:nodes', 'system:authenticated'] })
const mirror = (nodeName: string, more: object = {}, metadata: object = {}) => ({
  metadata: { name: 'part', namespace: 'default', annotations: { 'kubernetes.io/config.mirror': 'x' }, ...metadata },
  spec: { nodeName, containers: [{ name: 'app', image: 'example/app' }], ...more },
})

beforeAll(async () => {
  running = await startTestServer()
  await running.client.create(kinds.nodes, { metadata: { name: 'n2' } })
  await as('n1').create(kinds.nodes, { metadata: { name: 'n1' } })
  for (const nodeName of ['n1', 'n2'])
    await running.client.create(kinds.pods, {
      metadata: { name: `on-${nodeName}`, namespace: 'default' },
      spec: { nodeName, containers: [{ name: 'app', image: 'example/app' }] },
    })
})
afterAll(() => running.stop())

const status = { status: { phase: 'Running' } }
const merge = { type: 'merge' } as const
test.each<[what: string, act: (client: Client) => Promise<unknown>, refusal: string]>([
  [
    'make an ordinary Pod',
    (client) => client.create(kinds.pods, mirror('n1', {}, { annotations: {} })),
    'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
  ],
  ['make a Pod of another node', (client) => client.create(kinds.pods, mirror('n2')), 'node "n1" can only create pods with spec.nodeName set to itself'],
  [
    'make a Pod that reads a Secret',
    (client) => client.create(kinds.pods, mirror('n1', { volumes: [{ name: 's', secret: { secretName: 'x' } }] })),
    'node "n1" can not create pods that reference secrets',
  ],
  [
    'make a Pod with an account',
    (client) => client.create(kinds.pods, mirror('n1', { serviceAccountName: 'default' })),
    'node "n1" can not create pods that reference a service account',
  ],
  [
    "delete another node's Pod",
    (client) => client.delete(kinds.pods, { namespace: 'default', name: 'on-n2' }),
    'node "n1" can only delete pods with spec.nodeName set to itself',
  ],
  [
    "report on another node's Pod",
    (client) => client.patch(kinds.pods, { namespace: 'default', name: 'on-n2' }, status, { ...merge, subresource: 'status' }),
    'node "n1" can only update pod status for pods with spec.nodeName set to itself',
  ],
  ['make another node', (client) => client.create(kinds.nodes, { metadata: { name: 'n3' } }), 'node "n1" is not allowed to modify node "n3"'],
  [
    'report on another node',
    (client) => client.patch(kinds.nodes, { name: 'n2' }, { status: { phase: 'x' } }, { ...merge, subresource: 'status' }),
    'node "n1" is not allowed to modify node "n2"',
  ],
  ['taint itself', (client) => client.patch(kinds.nodes, { name: 'n1' }, { spec: { taints: [] } }, merge), 'node "n1" is not allowed to modify taints'],
  [
    'give itself a restricted label',
    (client) => client.patch(kinds.nodes, { name: 'n1' }, { metadata: { labels: { 'node-restriction.kubernetes.io/a': 'b' } } }, merge),
    'is not allowed to modify labels: node-restriction.kubernetes.io/a',
  ],
  [
    "make another node's lease",
    (client) => client.create(kinds.leases, { metadata: { name: 'n2', namespace: 'kube-node-lease' }, spec: {} }),
    'can only access node lease with the same name as the requesting node',
  ],
])('a kubelet may not %s', async (_, act, refusal) => {
  await expect(act(as('n1'))).rejects.toThrow(refusal)
})

test('it may report on itself, on its Pods, and show its static Pods', async () => {
  const client = as('n1')
  await client.patch(kinds.nodes, { name: 'n1' }, { status: { phase: 'Running' } }, { ...merge, subresource: 'status' })
  await client.patch(kinds.pods, { namespace: 'default', name: 'on-n1' }, status, { ...merge, subresource: 'status' })
  await client.create(kinds.pods, mirror('n1'))
  await client.delete(kinds.pods, { namespace: 'default', name: 'part' }, { gracePeriodSeconds: 0 })
  await client.create(kinds.leases, { metadata: { name: 'n1', namespace: 'kube-node-lease' }, spec: {} })
})
