import type { EndpointSlice, Service } from '../../base/api/generated/types.ts'
import type { Informer } from '../../base/client/informer-contract.ts'

/** What names are made of. All lookups are exact; names are lower case. */
export interface ClusterView {
  /** `cluster.local`, without a final dot. */
  readonly clusterDomain: string
  service(namespace: string, name: string): Service | undefined
  slices(namespace: string, name: string): readonly EndpointSlice[]
  servicesByAddress(ip: string): readonly Service[]
  slicesByAddress(ip: string): readonly EndpointSlice[]
}

export interface Endpoint {
  readonly ip: string
  readonly hostname: string | undefined
  readonly port: number | undefined
  readonly portName: string
  readonly protocol: string
}

export const serviceNameLabel = 'kubernetes.io/service-name'

const serviceKeyOf = (slice: EndpointSlice): string => `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`

/** Each ready address with each port; one with an empty port name where a slice has no ports. */
export const readyEndpoints = (slices: readonly EndpointSlice[]): readonly Endpoint[] =>
  slices
    .filter((slice) => slice.addressType === 'IPv4')
    .flatMap((slice) => {
      const ports = slice.ports?.length ? slice.ports : [{}]
      return (slice.endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap((endpoint) =>
          (endpoint.addresses ?? []).flatMap((ip) =>
            ports.map(({ name, port, protocol }: { name?: string; port?: number; protocol?: string }) => ({
              ip,
              hostname: endpoint.hostname || undefined,
              port,
              portName: name ?? '',
              protocol: protocol ?? 'TCP',
            })),
          ),
        )
    })

/** A view that is always as fresh as the informers. */
export const informerView = (options: { clusterDomain: string; services: Informer<Service>; slices: Informer<EndpointSlice> }): ClusterView => {
  const { clusterDomain, services, slices } = options
  services.addIndex(
    'address',
    ({ spec }) => [...new Set([spec.clusterIP, ...(spec.clusterIPs ?? [])])].filter((ip) => ip !== undefined && ip !== '' && ip !== 'None') as string[],
  )
  slices.addIndex('service', (slice) => [serviceKeyOf(slice)])
  slices.addIndex('address', (slice) => [...new Set((slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []))])
  return {
    clusterDomain,
    service: (namespace, name) => services.get(`${namespace}/${name}`),
    slices: (namespace, name) => slices.byIndex('service', `${namespace}/${name}`),
    servicesByAddress: (ip) => services.byIndex('address', ip),
    slicesByAddress: (ip) => slices.byIndex('address', ip),
  }
}
