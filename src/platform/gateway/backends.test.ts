import { describe, expect, it } from 'vitest'
import type { EndpointSlice, Service } from '../../base/api/generated/types.ts'
import { type BackendsView, resolveBackend } from './backends.ts'

const service = (name: string, spec: object): [string, Service] => [`ns/${name}`, { metadata: { name, namespace: 'ns' }, spec } as unknown as Service]

const slice = (port: { name?: string; port: number }, addresses: Record<string, boolean | undefined>): EndpointSlice =>
  ({
    ports: [port],
    endpoints: Object.entries(addresses).map(([address, ready]) => ({ addresses: [address], conditions: { ready } })),
  }) as unknown as EndpointSlice

const services = new Map([
  service('web', {
    clusterIP: '10.96.0.9',
    ports: [
      { name: 'http', port: 80, targetPort: 'http' },
      { name: 'admin', port: 81, targetPort: 9000 },
    ],
  }),
  service('plain', { clusterIP: '10.96.0.8', ports: [{ port: 80 }] }),
  service('headless', { clusterIP: 'None', ports: [{ port: 5432, name: 'pg' }] }),
  service('inner', { type: 'ExternalName', externalName: 'plain.ns.svc.cluster.local' }),
  service('twice', { type: 'ExternalName', externalName: 'inner.ns.svc.cluster.local.' }),
  service('ring', { type: 'ExternalName', externalName: 'ring.ns.svc' }),
  service('pods', { type: 'ExternalName', externalName: 'headless.ns.svc.cluster.local' }),
  service('outer', { type: 'ExternalName', externalName: 'api.example.com' }),
  service('outer-ports', { type: 'ExternalName', externalName: 'api.example.com', ports: [{ name: 'web', port: 80, targetPort: 8443 }] }),
  service('gone', { type: 'ExternalName', externalName: 'missing.ns.svc.cluster.local' }),
])

const slices: Record<string, readonly EndpointSlice[]> = {
  'ns/web': [
    slice({ name: 'http', port: 5000 }, { '10.1.0.2': true, '10.1.0.1': undefined, '10.1.0.3': false }),
    slice({ name: 'admin', port: 9000 }, { '10.1.0.1': true }),
  ],
  'ns/plain': [slice({ name: '', port: 8080 }, { '10.1.0.7': true }), slice({ port: 8080 }, { '10.1.0.7': true, '10.1.0.6': true })],
  'ns/headless': [slice({ name: 'pg', port: 5432 }, { '10.1.0.5': true })],
}

const view: BackendsView = { service: (key) => services.get(key), slicesOf: (key) => slices[key] ?? [] }

describe('a backend leads to', () => {
  const cases: readonly [what: string, name: string, port: number | string, targets: readonly string[]][] = [
    ['the ready endpoints of a port by number', 'web', 80, ['10.1.0.1:5000', '10.1.0.2:5000']],
    ['the ready endpoints of a port by name', 'web', 'admin', ['10.1.0.1:9000']],
    ['nothing for a port that the Service does not have', 'web', 5000, []],
    ['each endpoint once', 'plain', 80, ['10.1.0.6:8080', '10.1.0.7:8080']],
    ['nothing without a Service', 'missing', 80, []],
    ['the Service behind a cluster name, by the number of the Ingress', 'inner', 80, ['10.1.0.6:8080', '10.1.0.7:8080']],
    ['the end of two names', 'twice', 80, ['10.1.0.6:8080', '10.1.0.7:8080']],
    ['nothing where names go round', 'ring', 80, []],
    ['nothing where a name leads nowhere', 'gone', 80, []],
    ['Pods behind the name of a headless Service', 'pods', 8080, ['10.1.0.5:8080']],
    ['a name of the outside world', 'outer', 443, ['api.example.com:443']],
    ['the target port where an external name lists one', 'outer-ports', 'web', ['api.example.com:8443']],
  ]
  for (const [what, name, port, targets] of cases) {
    it(what, () => {
      const found = resolveBackend(view, { namespace: 'ns', service: name, port: typeof port === 'number' ? { number: port } : { name: port } })
      expect(found.map((target) => `${target.host}:${target.port}`)).toEqual(targets)
    })
  }
})
