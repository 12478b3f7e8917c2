import type { Endpoint, EndpointSlice, Node, Pod, Service } from '../../../base/api/generated/types.ts'
import { isPodReady, isPodTerminating } from '../lib/pods.ts'
import { canonicalJson } from '../lib/stable-hash.ts'
import { canBeEndpoint, endpointHostname, podReference, type ResolvedPort, resolvePorts } from './pod-endpoints.ts'

/** As upstream's default. */
export const endpointsPerSlice = 100

type AddressType = 'IPv4' | 'IPv6'

/** What a slice is to hold. `slice` is the one that stands, absent where one must be made. */
export interface PlannedSlice {
  readonly slice: EndpointSlice | undefined
  readonly addressType: AddressType
  readonly ports: readonly ResolvedPort[]
  readonly endpoints: readonly Endpoint[]
}

interface Group {
  readonly addressType: AddressType
  readonly ports: readonly ResolvedPort[]
  readonly endpoints: Map<string, Endpoint>
}

/**
 * Spreads the Service's Pods over slices, one group of slices for each distinct set of resolved ports. Endpoints stay in the slice where they
 * are; new ones fill gaps before slices are made; slices that became empty are left out (to be deleted), but one stays as a placeholder.
 */
export const planSlices = (
  service: Service,
  pods: readonly Pod[],
  nodeOf: (name: string) => Node | undefined,
  existing: readonly EndpointSlice[],
): readonly PlannedSlice[] => {
  const groups = groupByPorts(service, pods, nodeOf)
  const planned = [...groups.entries()].flatMap(([id, group]) =>
    planGroup(
      group,
      existing.filter((slice) => groupId(slice.addressType, slice.ports ?? []) === id),
    ),
  )
  if (planned.length > 0) return planned
  return [{ slice: existing[0], addressType: familyOf(service), ports: [], endpoints: [] }]
}

const familyOf = (service: Service): AddressType => (service.spec.ipFamilies?.[0] === 'IPv6' ? 'IPv6' : 'IPv4')

const groupId = (addressType: string, ports: readonly { name?: string; port?: number; protocol?: string; appProtocol?: string }[]): string =>
  canonicalJson([addressType, ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => [name, port, protocol, appProtocol ?? '']).sort()])

const groupByPorts = (service: Service, pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): ReadonlyMap<string, Group> => {
  const groups = new Map<string, Group>()
  const addressType = familyOf(service)
  for (const pod of [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const address = canBeEndpoint(pod, { terminating: true }) ? addressOf(pod, addressType) : undefined
    if (address === undefined) continue
    const ports = resolvePorts(service, pod)
    const id = groupId(addressType, ports)
    const group = groups.get(id) ?? { addressType, ports, endpoints: new Map() }
    groups.set(id, group)
    group.endpoints.set(pod.metadata.uid, endpointOf(service, pod, address, nodeOf))
  }
  return groups
}

const addressOf = (pod: Pod, family: AddressType): string | undefined => {
  const addresses = pod.status.podIPs?.map(({ ip }) => ip ?? '') ?? [pod.status.podIP ?? '']
  return addresses.find((ip) => ip !== '' && ip.includes(':') === (family === 'IPv6'))
}

const endpointOf = (service: Service, pod: Pod, address: string, nodeOf: (name: string) => Node | undefined): Endpoint => {
  const serving = isPodReady(pod)
  const terminating = isPodTerminating(pod)
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating)
  const nodeName = pod.spec.nodeName
  const zone = nodeName ? nodeOf(nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'] : undefined
  const hostname = endpointHostname(service, pod)
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: podReference(pod),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  }
}

const planGroup = ({ addressType, ports, endpoints }: Group, existing: readonly EndpointSlice[]): readonly PlannedSlice[] => {
  const rest = new Map(endpoints)
  const take = (uid: string | undefined) => {
    const endpoint = uid === undefined ? undefined : rest.get(uid)
    if (uid !== undefined) rest.delete(uid)
    return endpoint
  }
  const kept = existing.map((slice) => ({
    slice,
    endpoints: (slice.endpoints ?? []).map((endpoint) => take(endpoint.targetRef?.uid)).filter((endpoint) => endpoint !== undefined),
  }))
  const fresh = [...rest.values()]
  for (const { endpoints: inSlice } of kept) if (inSlice.length > 0) inSlice.push(...fresh.splice(0, endpointsPerSlice - inSlice.length))
  for (const { endpoints: inSlice } of kept) if (inSlice.length === 0) inSlice.push(...fresh.splice(0, endpointsPerSlice))
  const planned: PlannedSlice[] = kept.filter((plan) => plan.endpoints.length > 0).map((plan) => ({ ...plan, addressType, ports }))
  while (fresh.length > 0) planned.push({ slice: undefined, addressType, ports, endpoints: fresh.splice(0, endpointsPerSlice) })
  return planned
}
