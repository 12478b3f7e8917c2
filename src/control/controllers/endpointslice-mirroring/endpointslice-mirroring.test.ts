import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { endpoints, endpointSlices, services } from '../../../base/api/kinds.ts'
import { startStory, type Story } from '../story.ts'
import { endpointSliceMirroringController } from './endpointslice-mirroring.ts'

const db = { namespace: 'shop', name: 'db' }

describe('Endpoints made by hand', () => {
  let story: Story
  beforeEach(() => {
    story = startStory([endpointSliceMirroringController])
  })
  afterEach(() => story.stop())

  const makeService = (selector?: Record<string, string>) =>
    story.client.create(services, { metadata: db, spec: { ports: [{ port: 5432, protocol: 'TCP' }], ...(selector ? { selector } : {}) } })
  const makeEndpoints = (ips: readonly string[], metadata: object = {}) =>
    story.client.create(endpoints, {
      metadata: { ...db, ...metadata },
      subsets: [{ addresses: ips.map((ip) => ({ ip })), notReadyAddresses: [{ ip: '192.0.2.99' }], ports: [{ port: 5432, protocol: 'TCP' }] }],
    })
  const slices = async () => (await story.client.list(endpointSlices)).items

  it('are mirrored to a slice with their labels and annotations, which follows them and goes with them', async () => {
    await makeService()
    await makeEndpoints(['192.0.2.1'], {
      labels: { team: 'a' },
      annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    })
    await story.quiet()
    const [slice, ...more] = await slices()
    expect(more).toEqual([])
    expect(slice).toMatchObject({
      metadata: {
        name: expect.stringMatching(/^db-\w{5}$/) as string,
        labels: {
          team: 'a',
          'kubernetes.io/service-name': 'db',
          'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
        },
        ownerReferences: [{ kind: 'Endpoints', name: 'db', controller: true }],
      },
      addressType: 'IPv4',
      ports: [{ name: '', port: 5432, protocol: 'TCP' }],
      endpoints: [
        { addresses: ['192.0.2.1'], conditions: { ready: true } },
        { addresses: ['192.0.2.99'], conditions: { ready: false } },
      ],
    })
    expect(slice?.metadata.annotations).toEqual({ note: 'x' })
    expect(await story.restart()).toEqual([])

    const current = await story.client.get(endpoints, db)
    await story.client.update(endpoints, { ...current, subsets: [{ addresses: [{ ip: '192.0.2.2' }], ports: [{ port: 5432, protocol: 'TCP' }] }] })
    await story.quiet()
    expect((await slices()).map(({ metadata, endpoints: held }) => [metadata.name, held?.map(({ addresses }) => addresses)])).toEqual([
      [slice?.metadata.name, [['192.0.2.2']]],
    ])
    await story.client.delete(endpoints, db)
    await story.quiet()
    expect(await slices()).toEqual([])
  })

  it.each([
    { name: 'without a Service', metadata: {}, selector: 'no Service' },
    { name: 'of a Service with a selector', metadata: {}, selector: { app: 'db' } },
    { name: 'that ask not to be', metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }, selector: undefined },
    { name: 'that are locks', metadata: { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } }, selector: undefined },
  ])('are not mirrored $name', async ({ metadata, selector }) => {
    if (typeof selector !== 'string') await makeService(selector)
    await makeEndpoints(['192.0.2.1'], metadata)
    await story.quiet()
    expect(await slices()).toEqual([])
  })

  it('are mirrored by families, up to a thousand addresses a subset, and an Event tells of the rest', async () => {
    await makeService()
    await makeEndpoints(['2001:db8::1', ...Array.from({ length: 1001 }, (_, at) => `10.0.${at >> 8}.${at & 255}`)])
    await story.quiet()
    const sizes = (await slices()).map(({ addressType, endpoints: held }) => [addressType, held?.length]).sort()
    expect(sizes).toEqual([
      ['IPv4', 999],
      ['IPv6', 1],
    ])
    expect(await story.events()).toEqual([
      'Endpoints Warning TooManyAddressesToMirror A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 3 addresses were skipped',
    ])
  })
})
