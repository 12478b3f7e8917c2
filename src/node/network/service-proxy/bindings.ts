import type { Endpoint, EndpointSlice, Service, ServicePort } from '../../../base/api/generated/types.ts'

export interface ProxyNode {
  readonly name: string
  readonly ip: string
}

export interface ProxyEndpoint {
  readonly ip: string
  readonly port: number
  readonly node: string | undefined
}

/** One address and port that answers for a Service. */
export interface Binding {
  readonly address: string
  readonly port: number
  readonly protocol: 'TCP' | 'UDP'
  /** `namespace/name:port`, for logs. */
  readonly servicePort: string
  /** Never empty: what has no endpoint is not bound, so that the kernel refuses, as upstream's REJECT rule does. */
  readonly endpoints: readonly ProxyEndpoint[]
  /** How long a client stays with its endpoint; 0 without sessionAffinity. */
  readonly affinitySeconds: number
  /** `internalTrafficPolicy: Local`: a client is served by endpoints of its own node only. */
  readonly localToClient: boolean
}

export interface ServiceView {
  readonly service: Service
  /** The Service's EndpointSlices. */
  readonly slices: readonly EndpointSlice[]
  readonly nodes: readonly ProxyNode[]
}

export const bindingKey = (binding: Pick<Binding, 'address' | 'port' | 'protocol'>): string => `${binding.protocol} ${binding.address}:${binding.port}`

/** All that must be bound for one Service: cluster, external, load balancer and node addresses, without doubles. */
export const serviceBindings = (view: ServiceView): readonly Binding[] => {
  const { spec } = view.service
  if (spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return []
  const bindings = (spec.ports ?? []).flatMap((port) => portBindings(view, port))
  return [...new Map(bindings.map((binding) => [bindingKey(binding), binding])).values()]
}

const portBindings = ({ service, slices, nodes }: ServiceView, port: ServicePort): readonly Binding[] => {
  const { spec, metadata } = service
  const protocol = port.protocol ?? 'TCP'
  if (protocol !== 'TCP' && protocol !== 'UDP') return []
  const endpoints = usableEndpoints(slices, port, protocol)
  const base = {
    protocol,
    servicePort: `${metadata.namespace}/${metadata.name}:${port.name ?? port.port}`,
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : 0,
  } as const
  const bind = (address: string, options: Partial<Binding> = {}): Binding => ({
    ...base,
    address,
    port: port.port,
    endpoints,
    localToClient: false,
    ...options,
  })
  const cluster = [spec.clusterIP!, ...(spec.clusterIPs ?? [])].map((address) => bind(address, { localToClient: spec.internalTrafficPolicy === 'Local' }))
  const outer = [...(spec.externalIPs ?? []), ...loadBalancerAddresses(service)].map((address) => bind(address))
  const ofNode = (node: ProxyNode) => (spec.externalTrafficPolicy === 'Local' ? endpoints.filter((endpoint) => endpoint.node === node.name) : endpoints)
  const node = port.nodePort ? nodes.map((each) => bind(each.ip, { port: port.nodePort!, endpoints: ofNode(each) })) : []
  return [...cluster, ...outer, ...node].filter((binding) => binding.endpoints.length > 0)
}

/** With `ipMode: Proxy` the load balancer is somewhere else and wants the traffic itself. */
const loadBalancerAddresses = (service: Service): readonly string[] =>
  (service.status?.loadBalancer?.ingress ?? []).flatMap((ingress) => (ingress.ip && ingress.ipMode !== 'Proxy' ? [ingress.ip] : []))

/** Ready endpoints; where there are none, those that still serve while they end. */
const usableEndpoints = (slices: readonly EndpointSlice[], port: ServicePort, protocol: string): readonly ProxyEndpoint[] => {
  const ready = collect(slices, port, protocol, ({ conditions }) => conditions?.ready !== false)
  if (ready.length > 0) return ready
  return collect(slices, port, protocol, ({ conditions }) => conditions?.terminating === true && conditions.serving !== false)
}

const collect = (slices: readonly EndpointSlice[], port: ServicePort, protocol: string, usable: (endpoint: Endpoint) => boolean): readonly ProxyEndpoint[] => {
  const found = new Map<string, ProxyEndpoint>()
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const target = slice.ports?.find((each) => (each.name ?? '') === (port.name ?? '') && (each.protocol ?? 'TCP') === protocol)?.port
    if (target === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses?.[0]
      if (ip && usable(endpoint)) found.set(`${ip}:${target}`, { ip, port: target, node: endpoint.nodeName })
    }
  }
  return [...found.values()].sort((a, b) => (`${a.ip}:${a.port}` < `${b.ip}:${b.port}` ? -1 : 1))
}
