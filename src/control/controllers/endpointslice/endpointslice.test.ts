import { afterEach, describe, expect, it } from 'vitest'
import { endpoints, endpointSlices, pods, services } from '../../../base/api/kinds.ts'
import { endpointsController } from '../endpoints/endpoints.ts'
import { setReady, startStory, type Story } from '../story.ts'
import { endpointSliceController } from './endpointslice.ts'

const web = { namespace: 'shop', name: 'web' }

describe('the endpoints of a Service', () => {
  let story: Story
  afterEach(() => story.stop())

  const pod = async (name: string, extra: object = {}, portNumber = 8080) => {
    const spec = { nodeName: 'n1', containers: [{ name: 'c', resources: {}, ports: [{ name: 'http', containerPort: portNumber }] }], ...extra }
    return story.client.create(pods, { metadata: { name, namespace: 'shop', labels: { app: 'web' } }, spec })
  }
  const begin = async (spec: object = {}) => {
    story = startStory([endpointSliceController, endpointsController])
    await story.client.create(services, {
      metadata: { ...web, labels: { team: 'a' } },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }], ...spec },
    })
  }
  const slices = async () => (await story.client.list(endpointSlices)).items

  it('hold each Pod with its conditions, in both forms', async () => {
    await begin()
    const a = await pod('a', { hostname: 'a', subdomain: 'web' })
    const b = await pod('b')
    await pod('no-address')
    await setReady(story.client, a, { isReady: true, podIP: '10.42.0.1', nowMs: 0 })
    await setReady(story.client, b, { isReady: false, podIP: '10.42.0.2', nowMs: 0 })
    await story.quiet()
    const [slice, ...more] = await slices()
    expect(more).toEqual([])
    expect(slice).toMatchObject({
      metadata: {
        name: expect.stringMatching(/^web-\w{5}$/) as string,
        ownerReferences: [{ kind: 'Service', name: 'web' }],
        labels: { team: 'a', 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
      },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: [
        {
          addresses: ['10.42.0.1'],
          conditions: { ready: true, serving: true, terminating: false },
          hostname: 'a',
          nodeName: 'n1',
          targetRef: { kind: 'Pod', name: 'a', namespace: 'shop' },
        },
        { addresses: ['10.42.0.2'], conditions: { ready: false, serving: false, terminating: false } },
      ],
    })
    expect((await story.client.get(endpoints, web)).subsets).toMatchObject([
      { addresses: [{ ip: '10.42.0.1', hostname: 'a' }], notReadyAddresses: [{ ip: '10.42.0.2' }], ports: [{ port: 8080, protocol: 'TCP' }] },
    ])
    expect(await story.restart()).toEqual([])
  })

  it('show a terminating Pod as serving but not ready, and drop it when it is gone', async () => {
    await begin()
    const a = await pod('a')
    await setReady(story.client, a, { isReady: true, podIP: '10.42.0.1', nowMs: 0 })
    await story.client.delete(pods, a.metadata)
    await story.quiet()
    expect((await slices())[0]?.endpoints).toMatchObject([{ conditions: { ready: false, serving: true, terminating: true } }])
    expect((await story.client.get(endpoints, web)).subsets).toEqual([])
    await story.client.delete(pods, a.metadata, { gracePeriodSeconds: 0 })
    await story.quiet()
    expect(await slices()).toMatchObject([{ endpoints: [], ports: [] }])
  })

  it('fill slices of a hundred, and one group of slices for each number that a named port stands for', async () => {
    await begin({ clusterIP: 'None', publishNotReadyAddresses: true })
    for (let i = 0; i < 203; i++) {
      const made = await pod(`p${i}`, {}, i < 200 ? 8080 : 9090)
      await setReady(story.client, made, { isReady: false, podIP: `10.42.${Math.floor(i / 250)}.${i % 250}`, nowMs: 0 })
    }
    await story.quiet()
    const shape = async () => (await slices()).map((slice) => [slice.ports?.[0]?.port, slice.endpoints?.length]).sort()
    expect(await shape()).toEqual([
      [8080, 100],
      [8080, 100],
      [9090, 3],
    ])
    expect((await slices())[0]?.metadata.labels).toHaveProperty(['service.kubernetes.io/headless'], '')
    expect((await slices())[0]?.endpoints?.[0]?.conditions.ready).toBe(true)
    await story.client.delete(pods, { namespace: 'shop', name: 'p7' }, { gracePeriodSeconds: 0 })
    const writes = await story.quiet()
    expect(await shape()).toEqual([
      [8080, 100],
      [8080, 99],
      [9090, 3],
    ])
    expect(writes.filter((write) => write.includes('endpointslices'))).toHaveLength(1)
    expect(await story.restart()).toEqual([])
  })

  it("are nobody's business where the Service has no selector, and follow a changed one", async () => {
    await begin({ selector: undefined })
    await story.client.create(endpoints, { metadata: web, subsets: [{ addresses: [{ ip: '1.2.3.4' }] }] })
    expect(await story.quiet()).toEqual([])
    const a = await pod('a')
    await setReady(story.client, a, { isReady: true, podIP: '10.42.0.1', nowMs: 0 })
    await story.client.patch(services, web, { spec: { selector: { app: 'web' } } }, { type: 'merge' })
    await story.quiet()
    expect((await slices())[0]?.endpoints).toHaveLength(1)
    await story.client.delete(services, web)
    await story.quiet()
    expect((await story.client.list(endpoints)).items).toEqual([])
  })
})
