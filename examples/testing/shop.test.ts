// A test of manifests and of what becomes of them when a node fails. Run it with: npx vitest run
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCluster, kinds, type Cluster } from 'knarr/testing'

const namespace = 'shop'
let cluster: Cluster

beforeAll(async () => {
  cluster = await createCluster({ runtime: 'simulated', nodes: 3 })
  await cluster.apply(new URL('shop.yaml', import.meta.url).pathname)
})
afterAll(() => cluster.close())

const podsBehindService = async () => {
  const { items } = await cluster.client.list(kinds.endpointSlices, { namespace, labelSelector: 'kubernetes.io/service-name=web' })
  return items.flatMap(({ endpoints = [] }) => endpoints).filter(({ conditions }) => conditions.ready)
}

it('brings the shop up behind its Service', async () => {
  await cluster.waitFor('deployment/web', { available: true }, { namespace })
  expect(await podsBehindService()).toHaveLength(3)
})

it('moves Pods away from a node that has been silent for long enough', async () => {
  const { items } = await cluster.client.list(kinds.pods, { namespace })
  const node = items[0]?.spec.nodeName ?? ''
  await cluster.simulate.failNode(node)

  await cluster.clock.advance('50s')
  await cluster.waitFor(`node/${node}`, { condition: 'Ready=Unknown' })
  expect(await podsBehindService()).toHaveLength(2)

  await cluster.clock.advance('5m') // the tolerations that every Pod is given
  await cluster.waitFor('deployment/web', { available: true }, { namespace })
  expect(await podsBehindService()).toHaveLength(3)
})
