import type { Answer } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { EndpointSlice, Service } from '../../base/api/generated/types.ts'
import { createObjectCache } from '../../base/client/object-cache.ts'
import { resolve } from './resolve.ts'
import { informerView } from './view.ts'

const world = parse(`
services:
  - { metadata: { name: web }, spec: { clusterIP: 10.96.0.20, ports: [{ name: http, port: 80 }, { name: dns, port: 53, protocol: UDP }] } }
  - { metadata: { name: db }, spec: { clusterIP: None, ports: [{ name: pg, port: 5432 }] } }
  - { metadata: { name: empty }, spec: { clusterIP: None } }
  - { metadata: { name: out }, spec: { type: ExternalName, externalName: example.org } }
  - { metadata: { name: in }, spec: { type: ExternalName, externalName: web.shop.svc.cluster.local } }
  - { metadata: { name: twice }, spec: { type: ExternalName, externalName: in.shop.svc.cluster.local } }
  - { metadata: { name: out-twice }, spec: { type: ExternalName, externalName: out.shop.svc.cluster.local } }
  - { metadata: { name: ring }, spec: { type: ExternalName, externalName: ring.shop.svc.cluster.local } }
slices:
  - metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
    addressType: IPv4
    ports: [{ name: http, port: 8080, protocol: TCP }]
    endpoints: [{ addresses: [10.244.0.9], conditions: { ready: true } }]
  - metadata: { name: db-1, labels: { kubernetes.io/service-name: db } }
    addressType: IPv4
    ports: [{ name: pg, port: 5432, protocol: TCP }]
    endpoints:
      - { addresses: [10.244.0.2], hostname: db-0, conditions: { ready: true } }
      - { addresses: [10.244.0.3], conditions: {} }
      - { addresses: [10.244.0.4], hostname: db-2, conditions: { ready: false } }
`) as { services: object[]; slices: object[] }

const cacheOf = <T extends Service | EndpointSlice>(objects: object[]) => {
  const cache = createObjectCache<T>()
  for (const object of objects as T[])
    cache.set({ ...object, metadata: { ...object.metadata, namespace: 'shop', uid: object.metadata.name, resourceVersion: '1' } })
  return { ...cache, synced: Promise.resolve() }
}
const view = informerView({ clusterDomain: 'cluster.local', services: cacheOf<Service>(world.services), slices: cacheOf<EndpointSlice>(world.slices) })

const show = (answer: Answer): string => {
  if (answer.type === 'SRV') return `SRV ${answer.data.port} ${answer.data.target} ${answer.data.weight}`
  if (answer.type === 'SOA') return 'SOA'
  return `${answer.type} ${String((answer as { data: unknown }).data)}`
}
const ask = (type: string, name: string): string => {
  const found = resolve({ type, name }, view)
  if (!found) return 'upstream'
  const parts = [...found.answers.map(show), ...found.additionals.map((each) => `+ ${show(each)}`), ...(found.chase ? [`chase ${found.chase}`] : [])]
  return parts.join(', ') || (found.rcode === 'NOERROR' ? 'NODATA' : found.rcode)
}

const cases: readonly [string, string, string][] = [
  ['A', 'web.shop.svc.cluster.local', 'A 10.96.0.20'],
  ['A', 'WEB.Shop.svc.cluster.local', 'A 10.96.0.20'],
  ['AAAA', 'web.shop.svc.cluster.local', 'NODATA'],
  ['A', 'web.other.svc.cluster.local', 'NXDOMAIN'],
  ['A', 'nope.shop.svc.cluster.local', 'NXDOMAIN'],
  ['A', 'web.shop.svc.cluster.local.shop.svc.cluster.local', 'NXDOMAIN'],
  ['A', 'shop.svc.cluster.local', 'NODATA'],
  ['A', 'svc.cluster.local', 'NODATA'],
  ['A', 'web.cluster.local', 'NXDOMAIN'],
  ['SRV', '_http._tcp.web.shop.svc.cluster.local', 'SRV 80 web.shop.svc.cluster.local 100, + A 10.96.0.20'],
  ['SRV', '_http._udp.web.shop.svc.cluster.local', 'NXDOMAIN'],
  ['SRV', '_dns._udp.web.shop.svc.cluster.local', 'SRV 53 web.shop.svc.cluster.local 100, + A 10.96.0.20'],
  ['A', '10-244-0-9.web.shop.svc.cluster.local', 'A 10.244.0.9'],
  ['A', 'db.shop.svc.cluster.local', 'A 10.244.0.2, A 10.244.0.3'],
  ['A', 'db-0.db.shop.svc.cluster.local', 'A 10.244.0.2'],
  ['A', '10-244-0-3.db.shop.svc.cluster.local', 'A 10.244.0.3'],
  ['A', 'db-2.db.shop.svc.cluster.local', 'NXDOMAIN'],
  ['A', 'empty.shop.svc.cluster.local', 'NXDOMAIN'],
  [
    'SRV',
    '_pg._tcp.db.shop.svc.cluster.local',
    'SRV 5432 db-0.db.shop.svc.cluster.local 50, SRV 5432 10-244-0-3.db.shop.svc.cluster.local 50, + A 10.244.0.2, + A 10.244.0.3',
  ],
  ['A', '10-0-0-1.shop.pod.cluster.local', 'A 10.0.0.1'],
  ['A', 'not-an-ip.shop.pod.cluster.local', 'NXDOMAIN'],
  ['A', 'out.shop.svc.cluster.local', 'CNAME example.org, chase example.org'],
  ['CNAME', 'out.shop.svc.cluster.local', 'CNAME example.org'],
  ['A', 'in.shop.svc.cluster.local', 'CNAME web.shop.svc.cluster.local, A 10.96.0.20'],
  ['A', 'twice.shop.svc.cluster.local', 'CNAME in.shop.svc.cluster.local, CNAME web.shop.svc.cluster.local, A 10.96.0.20'],
  ['A', 'out-twice.shop.svc.cluster.local', 'CNAME out.shop.svc.cluster.local, CNAME example.org, chase example.org'],
  ['A', 'ring.shop.svc.cluster.local', 'CNAME ring.shop.svc.cluster.local, CNAME ring.shop.svc.cluster.local'],
  ['PTR', '20.0.96.10.in-addr.arpa', 'PTR web.shop.svc.cluster.local'],
  ['PTR', '2.0.244.10.in-addr.arpa', 'PTR db-0.db.shop.svc.cluster.local'],
  ['PTR', '3.0.244.10.in-addr.arpa', 'upstream'],
  ['TXT', 'dns-version.cluster.local', 'TXT 1.1.0'],
  ['SOA', 'cluster.local', 'SOA'],
  ['NS', 'cluster.local', 'NS ns.dns.cluster.local'],
  ['A', 'example.org', 'upstream'],
  ['A', '10.0.0.1.nip.io', 'A 10.0.0.1'],
  ['A', 'App.10.0.0.1.nip.io', 'A 10.0.0.1'],
  ['A', 'a.b-10.0.0.1.nip.io', 'A 10.0.0.1'],
  ['A', '10-0-0-1.nip.io', 'A 10.0.0.1'],
  ['A', 'shop-10-0-0-1.nip.io', 'A 10.0.0.1'],
  ['A', 'app-c0a801fc.nip.io', 'A 192.168.1.252'],
  ['A', '7f000101.nip.io', 'A 127.0.1.1'],
  ['A', '1.2.3.4.10.0.0.1.nip.io', 'A 10.0.0.1'],
  ['AAAA', 'app.10.0.0.1.nip.io', 'NODATA'],
  ['A', 'app.10.0.0.999.nip.io', 'upstream'],
  ['A', 'app10.0.0.nip.io', 'upstream'],
  ['A', '10.0.0.1.example.nip.io', 'upstream'],
  ['A', 'nip.io', 'upstream'],
  ['A', '10.0.0.1.notnip.io', 'upstream'],
  ['A', 'app.10.0.0.1.sslip.io', 'A 10.0.0.1'],
  ['A', 'www-10-0-0-1.sslip.io', 'A 10.0.0.1'],
  ['A', 'www.10-0-0-1.shop.sslip.io', 'A 10.0.0.1'],
  ['A', 'www.0a000001.sslip.io', 'A 10.0.0.1'],
  ['A', 'www.sslip.io', 'upstream'],
  ['A', 'mycluster.local', 'upstream'],
]

describe('resolve', () => {
  it.each(cases)('%s %s: %s', (type, name, expected) => expect(ask(type, name)).toBe(expected))

  it('says with every negative answer how long to believe it', () => {
    for (const name of ['nope.shop.svc.cluster.local', 'shop.svc.cluster.local']) {
      expect(resolve({ type: 'A', name }, view)?.authorities).toMatchObject([{ type: 'SOA', name: 'cluster.local', ttl: 5, data: { minimum: 5 } }])
    }
  })
})
