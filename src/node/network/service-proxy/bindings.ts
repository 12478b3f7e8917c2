import type { Endpoint, EndpointSlice, Service, ServicePort } from '../../../base/api/generated/types.ts'
import { isIPv4, numberToIp, overlaps, parseCidr, type Cidr } from '../../../base/lib/cidr.ts'

export interface ProxyNode {
  readonly name: string
  readonly ip: string
  /** Addresses of the node's Pods; absent until it is assigned. */
  readonly podCIDR?: string | undefined
}

export interface ProxyEndpoint {
  readonly ip: string
  readonly port: number
  readonly node: string | undefined
}

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

/** One address and port that answers for a Service. */
export interface Binding {
  readonly address: string
  readonly port: number
  readonly protocol: Protocol
  /** `namespace/name:port`, for logs and names of chains. */
  readonly servicePort: string
  /** Where there is none, `whenEmpty` holds. */
  readonly endpoints: readonly ProxyEndpoint[]
  /** Upstream refuses where a Service has no endpoint at all, and drops where only this node has none. */
  readonly whenEmpty: 'refuse' | 'drop'
  /** How long a client stays with its endpoint; 0 without sessionAffinity. */
  readonly affinitySeconds: number
  /** `internalTrafficPolicy: Local`: clients of a node are served by these, others by `endpoints`. */
  readonly byClientNode?: Readonly<Record<string, readonly ProxyEndpoint[]>>
  /** The node whose endpoints these are, under `externalTrafficPolicy: Local`. */
  readonly onNode?: string
  /** Clients that may ask; absent: all. */
  readonly sourceRanges?: readonly string[]
}

export interface ServiceView {
  readonly service: Service
  /** The Service's EndpointSlices. */
  readonly slices: readonly EndpointSlice[]
  readonly nodes: readonly ProxyNode[]
}

export const bindingKey = (binding: Pick<Binding, 'address' | 'port' | 'protocol'>): string => `${binding.protocol} ${binding.address}:${binding.port}`

/** All that must answer, or refuse, for one Service: cluster, external, load balancer and node addresses, without doubles. */
export const serviceBindings = (view: ServiceView): readonly Binding[] => {
  const { spec } = view.service
  if (spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return []
  const bindings = (spec.ports ?? []).flatMap((port) => portBindings(view, port))
  return [...new Map(bindings.map((binding) => [bindingKey(binding), binding])).values()]
}

const portBindings = ({ service, slices, nodes }: ServiceView, port: ServicePort): readonly Binding[] => {
  const { spec, metadata } = service
  const protocol = (port.protocol ?? 'TCP') as Protocol
  const candidates = collect(slices, port, protocol)
  const onNode = (node: string) => usable(candidates.filter((candidate) => candidate.endpoint.node === node))
  const all: Binding = {
    address: spec.clusterIP!,
    port: port.port,
    protocol,
    servicePort: `${metadata.namespace}/${metadata.name}:${port.name ?? port.port}`,
    endpoints: usable(candidates),
    whenEmpty: 'refuse',
    affinitySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : 0,
  }
  const internal =
    spec.internalTrafficPolicy === 'Local' && candidates.length > 0
      ? { byClientNode: Object.fromEntries(nodes.map(({ name }) => [name, onNode(name)] as const)) }
      : {}
  const cluster = [...new Set([spec.clusterIP!, ...(spec.clusterIPs ?? [])])].map((address) => ({ ...all, address, ...internal }))
  const ranges = allowedSources(spec.loadBalancerSourceRanges ?? [])
  const outer = (spec.externalIPs ?? []).map((address) => ({ ...all, address }))
  const balanced = loadBalancerAddresses(service).map((address) => ({ ...all, address, ...ranges }))
  const nodePort = port.nodePort ? nodes.map(({ ip, name }) => ({ ...all, address: ip, port: port.nodePort!, ...ofNode(name) })) : []
  return [...cluster, ...outer, ...balanced, ...nodePort].filter(({ address }) => isIPv4(address))

  function ofNode(node: string): Partial<Binding> {
    if (spec.externalTrafficPolicy !== 'Local') return {}
    return { endpoints: onNode(node), onNode: node, whenEmpty: all.endpoints.length > 0 ? 'drop' : 'refuse' }
  }
}

/** How many endpoints of the Service a node has that can be sent to: what `healthCheckNodePort` tells load balancers. */
export const countLocalEndpoints = ({ service, slices }: ServiceView, node: string): number => {
  const found = (service.spec.ports ?? []).flatMap((port) => collect(slices, port, port.protocol ?? 'TCP'))
  return new Set(found.filter(({ ready, endpoint }) => ready && endpoint.node === node).map(({ endpoint }) => endpoint.ip)).size
}

/** The IPv4 ranges, without those that lie in another: packet rules take no overlaps. Everybody, where all are allowed. */
const allowedSources = (texts: readonly string[]): Pick<Binding, 'sourceRanges'> => {
  const ranges = [...new Set(texts.map((text) => text.trim()))].filter((text) => isIPv4(text.split('/')[0] ?? '')).map(parseCidr)
  const isWithin = (range: Cidr, other: Cidr) => overlaps(range, other) && other.prefix < range.prefix
  const distinct = [...new Map(ranges.map((range) => [`${numberToIp(range.base)}/${range.prefix}`, range]))]
  const widest = distinct.filter(([, range]) => !distinct.some(([, other]) => isWithin(range, other)))
  return texts.length === 0 || widest.some(([, { prefix }]) => prefix === 0) ? {} : { sourceRanges: widest.map(([text]) => text) }
}

/** With `ipMode: Proxy` the load balancer is somewhere else and wants the traffic itself. */
const loadBalancerAddresses = (service: Service): readonly string[] =>
  (service.status?.loadBalancer?.ingress ?? []).flatMap((ingress) => (ingress.ip && ingress.ipMode !== 'Proxy' ? [ingress.ip] : []))

interface Candidate {
  readonly endpoint: ProxyEndpoint
  readonly ready: boolean
}

/** Ready endpoints; where there are none, those that still serve while they end. */
const usable = (candidates: readonly Candidate[]): readonly ProxyEndpoint[] => {
  const ready = candidates.filter((candidate) => candidate.ready)
  return (ready.length > 0 ? ready : candidates).map(({ endpoint }) => endpoint)
}

const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false
const isDraining = ({ conditions }: Endpoint): boolean => conditions?.terminating === true && conditions.serving !== false

const collect = (slices: readonly EndpointSlice[], port: ServicePort, protocol: string): readonly Candidate[] => {
  const found = new Map<string, Candidate>()
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const target = slice.ports?.find((each) => (each.name ?? '') === (port.name ?? '') && (each.protocol ?? 'TCP') === protocol)?.port
    if (target === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses?.[0]
      const ready = isReady(endpoint)
      const key = `${ip}:${target}`
      if (ip && (ready || (isDraining(endpoint) && !found.get(key)?.ready))) found.set(key, { endpoint: { ip, port: target, node: endpoint.nodeName }, ready })
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, candidate]) => candidate)
}
