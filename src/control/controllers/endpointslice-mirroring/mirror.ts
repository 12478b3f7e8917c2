import { isIP } from 'node:net'
import type { DiscoveryEndpointPort, Endpoint, EndpointAddress, Endpoints, EndpointSubset } from '../../../base/api/generated/types.ts'
import { canonicalJson } from '../lib/stable-hash.ts'

/** As upstream's default. */
export const maxAddressesPerSubset = 1000

/** A slice that an Endpoints object asks for. Subsets with the same ports share one for each family of addresses. */
export interface Mirror {
  readonly addressType: 'IPv4' | 'IPv6'
  readonly ports: readonly DiscoveryEndpointPort[]
  readonly endpoints: readonly Endpoint[]
}

export interface Mirrored {
  /** By `mirrorId`. */
  readonly mirrors: ReadonlyMap<string, Mirror>
  /** Addresses beyond the limit, and those that are no addresses. */
  readonly skipped: number
  readonly invalid: number
}

export const mirrorId = (addressType: string, ports: readonly DiscoveryEndpointPort[] = []): string =>
  canonicalJson([addressType, ports.map(({ name = '', port, protocol = 'TCP', appProtocol = '' }) => [name, port, protocol, appProtocol]).sort()])

/** What slices must hold so that they say the same as the Endpoints object. */
export const mirrorsOf = ({ subsets = [] }: Pick<Endpoints, 'subsets'>): Mirrored => {
  const mirrors = new Map<string, { addressType: Mirror['addressType']; ports: Mirror['ports']; endpoints: Map<string, Endpoint> }>()
  let [skipped, invalid] = [0, 0]
  for (const subset of subsets) {
    const ports = portsOf(subset)
    const endpoints = endpointsOf(subset)
    const valid = endpoints.filter(({ addresses }) => isIP(addresses?.[0] ?? '') !== 0)
    invalid += endpoints.length - valid.length
    skipped += Math.max(0, valid.length - maxAddressesPerSubset)
    for (const endpoint of valid.slice(0, maxAddressesPerSubset)) {
      const ip = endpoint.addresses?.[0] ?? ''
      const addressType = isIP(ip) === 6 ? 'IPv6' : 'IPv4'
      const id = mirrorId(addressType, ports)
      const mirror = mirrors.get(id) ?? { addressType, ports, endpoints: new Map() }
      mirrors.set(id, mirror)
      // Named in several subsets: ready in one is ready.
      if (!mirror.endpoints.get(ip)?.conditions.ready) mirror.endpoints.set(ip, endpoint)
    }
  }
  const settled = [...mirrors].map(([id, { endpoints, ...mirror }]) => [id, { ...mirror, endpoints: [...endpoints.values()] }] as const)
  return { mirrors: new Map(settled), skipped, invalid }
}

const portsOf = ({ ports = [] }: EndpointSubset): readonly DiscoveryEndpointPort[] =>
  ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({ name, port, protocol, ...(appProtocol ? { appProtocol } : {}) }))

const endpointsOf = ({ addresses = [], notReadyAddresses = [] }: EndpointSubset): readonly Endpoint[] => [
  ...addresses.map((address) => endpointOf(address, true)),
  ...notReadyAddresses.map((address) => endpointOf(address, false)),
]

const endpointOf = ({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname ? { hostname } : {}),
  ...(nodeName ? { nodeName } : {}),
  ...(targetRef ? { targetRef } : {}),
})
