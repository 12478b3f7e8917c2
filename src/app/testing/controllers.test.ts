import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deployments, endpointSlices, namespaces, nodes, pods, replicaSets, services } from '../../base/api/kinds.ts'
import type { Cluster } from './cluster.ts'
import { createCluster } from './create-cluster.ts'

const web = { namespace: 'shop', name: 'web' }
const inShop = { namespace: 'shop' }

describe('the controllers, with scheduler and kubelets, on the real API server', () => {
  let cluster: Cluster
  beforeEach(async () => {
    cluster = await createCluster()
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
  })
  afterEach(() => cluster.close())

  const template = (image: string) => ({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
  })
  const begin = async () => {
    const { client } = cluster
    await client.create(services, { metadata: web, spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] } })
    await client.create(deployments, { metadata: web, spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template('web:1') } })
    await cluster.waitFor('deployment/web', { available: true }, inShop)
  }
  const revision = async () => (await cluster.client.list(pods)).metadata.resourceVersion

  it('bring a Deployment behind its Service up, roll it out, and take all of it away again', async () => {
    const { client } = cluster
    await begin()
    expect((await client.get(services, web)).status.loadBalancer.ingress).toMatchObject([{ ip: '10.41.0.1' }])
    expect(new Set((await client.list(nodes)).items.map(({ spec }) => spec.podCIDR)).size).toBe(3)
    await client.patch(deployments, web, { spec: { template: template('web:2') } }, { type: 'strategic' })
    await cluster.waitFor('deployment/web', { available: true }, inShop)
    await cluster.settle()
    const { status, metadata } = await client.get(deployments, web)
    expect(status.conditions?.find(({ type }) => type === 'Progressing')?.message).toMatch(/has successfully progressed/)
    expect(metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' })
    expect((await client.list(replicaSets, inShop)).items.map((rs) => rs.spec.replicas).sort()).toEqual([0, 2])
    await cluster.clock.advance('1m')
    const [slice] = (await client.list(endpointSlices, inShop)).items
    expect(slice?.endpoints?.filter((endpoint) => endpoint.conditions.ready)).toHaveLength(2)
    expect((await cluster.events()).map(({ reason }) => reason)).toEqual(expect.arrayContaining(['ScalingReplicaSet', 'SuccessfulCreate', 'SuccessfulDelete']))
    await client.delete(deployments, web, { propagationPolicy: 'Foreground' })
    await cluster.waitFor('deployment/web', { deleted: true }, inShop)
    expect((await client.list(pods)).items).toEqual([])
  })

  it('come to rest: nothing is written once all is as wanted, but for heartbeats', async () => {
    await begin()
    await cluster.clock.advance('2s')
    const before = await revision()
    await cluster.clock.advance('6s')
    expect(await revision()).toBe(before)
  })

  it('empty a deleted namespace and let it go', async () => {
    await begin()
    await cluster.client.delete(namespaces, { name: 'shop' })
    await cluster.waitFor('namespace/shop', { deleted: true })
    expect((await cluster.client.list(endpointSlices, inShop)).items).toEqual([])
  })
})
