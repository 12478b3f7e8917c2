import { afterEach, describe, expect, it } from 'vitest'
import { services } from '../../../base/api/kinds.ts'
import { startStory, type Story } from '../story.ts'
import { loadBalancerController } from './load-balancer.ts'

describe('load balancer addresses', () => {
  let story: Story
  afterEach(() => story.stop())
  const service = (name: string, spec: object = {}) =>
    story.client.create(services, { metadata: { name, namespace: 'shop' }, spec: { type: 'LoadBalancer', ...spec } })
  const addresses = async () =>
    Object.fromEntries((await story.client.list(services)).items.map(({ metadata, status }) => [metadata.name, status?.loadBalancer?.ingress?.[0]?.ip]))

  it('are given one each, as asked where possible, and not to Services of another class or type', async () => {
    story = startStory([loadBalancerController])
    await service('a')
    await service('b')
    await service('c', { loadBalancerIP: '10.44.0.6' })
    await service('d', { loadBalancerClass: 'example.org/mine' })
    await service('e', { type: 'ClusterIP' })
    await story.quiet()
    expect(await addresses()).toEqual({ a: '10.44.0.1', b: '10.44.0.2', c: '10.44.0.6', d: undefined, e: undefined })
    expect(await story.events()).toContain('Service Normal EnsuredLoadBalancer Ensured load balancer')
    expect(await story.restart()).toEqual([])
  })

  it('are given back with the type, and with the Service, to whoever waits', async () => {
    story = startStory([loadBalancerController])
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'late']) await service(name)
    await story.clock.advance(100)
    expect((await addresses())['late']).toBeUndefined()
    expect(await story.events()).toContainEqual(
      expect.stringContaining('Service Warning SyncLoadBalancerFailed Error syncing load balancer: failed to ensure load balancer: no address is left'),
    )
    await story.client.patch(services, { namespace: 'shop', name: 'b' }, { spec: { type: 'ClusterIP' } }, { type: 'merge' })
    await story.clock.advance(31_000)
    expect(await addresses()).toMatchObject({ b: undefined, late: '10.44.0.2' })
  })
})
