import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { EndpointSlice, Service } from '../../../base/api/generated/types.ts'
import { bindingKey, serviceBindings } from './bindings.ts'
import { EndpointChoice } from './endpoint-choice.ts'

const nodes = [
  { name: 'n1', ip: '10.96.129.2' },
  { name: 'n2', ip: '10.96.129.3' },
]
const service = (spec: string, status = '{}') =>
  ({
    metadata: { name: 'web', namespace: 'shop' },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.20', ...parse(spec) },
    status: { loadBalancer: parse(status) },
  }) as unknown as Service
const slice = (yaml: string) => ({ metadata: { name: 's', namespace: 'shop' }, addressType: 'IPv4', ...parse(yaml) }) as unknown as EndpointSlice

const http = 'ports: [{ name: http, port: 80, targetPort: web }]'
const two = slice(`
ports: [{ name: http, port: 8080 }]
endpoints:
  - { addresses: [10.244.1.2], nodeName: n1, conditions: { ready: true } }
  - { addresses: [10.244.2.2], nodeName: n2, conditions: {} }
  - { addresses: [10.244.2.3], nodeName: n2, conditions: { ready: false, serving: false } }
`)
const ending = slice(`
ports: [{ name: http, port: 8080 }]
endpoints:
  - { addresses: [10.244.1.9], nodeName: n1, conditions: { ready: false, serving: true, terminating: true } }
  - { addresses: [10.244.1.8], nodeName: n1, conditions: { ready: false, serving: false, terminating: true } }
`)
const both = ['10.244.1.2:8080', '10.244.2.2:8080']

const cases: readonly [string, Service, readonly EndpointSlice[], Record<string, readonly string[]>][] = [
  ['a cluster address goes to the ready endpoints at the resolved port', service(http), [two], { 'TCP 10.96.0.20:80': both }],
  ['no endpoints: the address refuses', service(http), [], { 'TCP 10.96.0.20:80': ['refuse'] }],
  ['a headless Service binds nothing', service(`{ clusterIP: None, ${http} }`), [two], {}],
  ['an ExternalName binds nothing', service(`{ type: ExternalName, ${http} }`), [two], {}],
  ['a port of another name has no endpoints', service('ports: [{ name: admin, port: 80 }]'), [two], { 'TCP 10.96.0.20:80': ['refuse'] }],
  ['serving and terminating endpoints stand in', service(http), [ending], { 'TCP 10.96.0.20:80': ['10.244.1.9:8080'] }],
  ['but not beside ready ones', service(http), [ending, two], { 'TCP 10.96.0.20:80': both }],
  ['IPv6 slices are not used', service(http), [{ ...two, addressType: 'IPv6' }], { 'TCP 10.96.0.20:80': ['refuse'] }],
  ['SCTP goes to SCTP ports only', service('ports: [{ name: http, port: 80, protocol: SCTP }]'), [two], { 'SCTP 10.96.0.20:80': ['refuse'] }],
  [
    'a node port answers on every node',
    service('{ type: NodePort, ports: [{ name: http, port: 80, nodePort: 30080 }] }'),
    [two],
    { 'TCP 10.96.0.20:80': both, 'TCP 10.96.129.2:30080': both, 'TCP 10.96.129.3:30080': both },
  ],
  [
    'with externalTrafficPolicy Local a node serves its own only',
    service('{ type: NodePort, externalTrafficPolicy: Local, ports: [{ name: http, port: 80, nodePort: 30080 }] }'),
    [ending],
    { 'TCP 10.96.0.20:80': ['10.244.1.9:8080'], 'TCP 10.96.129.2:30080': ['10.244.1.9:8080'], 'TCP 10.96.129.3:30080': ['drop'] },
  ],
  [
    'under that policy a node falls back to its own ending endpoints, whatever others have',
    service('{ type: NodePort, externalTrafficPolicy: Local, ports: [{ name: http, port: 80, nodePort: 30080 }] }'),
    [ending, slice('{ ports: [{ name: http, port: 8080 }], endpoints: [{ addresses: [10.244.2.2], nodeName: n2 }] }')],
    { 'TCP 10.96.0.20:80': ['10.244.2.2:8080'], 'TCP 10.96.129.2:30080': ['10.244.1.9:8080'], 'TCP 10.96.129.3:30080': ['10.244.2.2:8080'] },
  ],
  [
    'load balancer and external addresses',
    service(`{ type: LoadBalancer, externalIPs: [192.0.2.9], ${http} }`, 'ingress: [{ ip: 10.96.128.1 }, { ip: 10.96.128.2, ipMode: Proxy }, { hostname: x }]'),
    [two],
    { 'TCP 10.96.0.20:80': both, 'TCP 192.0.2.9:80': both, 'TCP 10.96.128.1:80': both },
  ],
]

describe('serviceBindings', () => {
  it.each(cases)('%s', (_, of, slices, expected) => {
    const bindings = serviceBindings({ service: of, slices, nodes })
    expect(
      Object.fromEntries(
        bindings.map((binding) => [
          bindingKey(binding),
          binding.endpoints.length > 0 ? binding.endpoints.map((endpoint) => `${endpoint.ip}:${endpoint.port}`) : [binding.whenEmpty],
        ]),
      ),
    ).toEqual(expected)
  })
})

describe('loadBalancerSourceRanges', () => {
  it.each([
    ['[]', undefined],
    ["['10.0.0.0/8', '10.1.0.0/16', ' 192.0.2.1/24']", ['10.0.0.0/8', '192.0.2.0/24']],
    ["['192.0.2.0/24', '192.0.2.0/24', 'fd00::/8']", ['192.0.2.0/24']],
    ["['fd00::/8']", []],
    ["['0.0.0.0/0', '10.0.0.0/8']", undefined],
  ])('%s allow %j', (ranges, expected) => {
    const of = service(
      `{ type: LoadBalancer, loadBalancerSourceRanges: ${ranges}, externalIPs: ['fd00::1'], ${http} }`,
      'ingress: [{ ip: 10.96.128.1 }, { ip: "fd00::2" }]',
    )
    const bindings = serviceBindings({ service: of, slices: [two], nodes })
    expect(bindings.map(({ address, sourceRanges }) => [address, sourceRanges])).toEqual([
      ['10.96.0.20', undefined],
      ['10.96.128.1', expected],
    ])
  })
})

describe('EndpointChoice', () => {
  const choose = (spec: string, nodeOf = (ip: string) => (ip === 'a' ? 'n1' : undefined)) => {
    const choice = new EndpointChoice(serviceBindings({ service: service(spec), slices: [two], nodes })[0]!, nodeOf)
    return (client: string, nowMs = 0) => {
      const [first] = choice.order(client, nowMs)
      if (first) choice.served(client, first, nowMs)
      return first?.ip
    }
  }

  it('goes round', () => {
    const next = choose(http)
    expect([next('a'), next('a'), next('a')]).toEqual(['10.244.1.2', '10.244.2.2', '10.244.1.2'])
  })

  it('keeps a client with its endpoint until it stays away for the timeout', () => {
    const next = choose(`{ sessionAffinity: ClientIP, sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } }, ${http} }`)
    expect([next('a', 0), next('b', 0), next('a', 9_000), next('a', 18_000), next('b', 18_000)]).toEqual([
      '10.244.1.2',
      '10.244.2.2',
      '10.244.1.2',
      '10.244.1.2',
      '10.244.1.2',
    ])
  })

  it("stays on the client's node with internalTrafficPolicy Local", () => {
    const next = choose(`{ internalTrafficPolicy: Local, ${http} }`)
    expect([next('a'), next('a')]).toEqual(['10.244.1.2', '10.244.1.2'])
  })
})
