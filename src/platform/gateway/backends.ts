import type { EndpointSlice, Service } from '../../base/api/generated/types.ts'
import type { Backend } from './routes.ts'

/** What backends are resolved from; keys are `namespace/name`. */
export interface BackendsView {
  readonly service: (key: string) => Service | undefined
  readonly slicesOf: (serviceKey: string) => readonly EndpointSlice[]
}

/** Somewhere to connect to. `host` is an address, or a name of the outside world. */
export interface Target {
  readonly host: string
  readonly port: number
}

type Port = Backend['port']

/** ExternalName Services may point at one another; so many steps are followed. */
const maxNameSteps = 4

/** The ready endpoints of a backend in a steady order; none if the Service, its port or its endpoints are missing. */
export const resolveBackend = (view: BackendsView, backend: Backend, clusterDomain = 'cluster.local'): readonly Target[] => {
  let { namespace, service: name, port } = backend
  for (let step = 0; step < maxNameSteps; step++) {
    const key = `${namespace}/${name}`
    const service = view.service(key)
    if (!service) return []
    if (service.spec.type !== 'ExternalName') return endpointsOf(service, view.slicesOf(key), port)
    const host = (service.spec.externalName ?? '').replace(/\.$/, '').toLowerCase()
    const number = externalPort(service, port)
    if (!host || !number) return []
    const inner = clusterService(host, clusterDomain)
    if (!inner) return [{ host, port: number }]
    ;({ namespace, name } = inner)
    port = { number }
  }
  return []
}

/** An ExternalName Service need not list ports: the Ingress's own number then stands. */
const externalPort = (service: Service, port: Port): number | undefined => {
  const listed = findPort(service, port)
  const target = Number(listed?.targetPort)
  return target > 0 ? target : (port.number ?? listed?.port)
}

/** `name.namespace.svc.cluster.local` (or `name.namespace.svc`): what the cluster's DNS would answer with that Service. */
const clusterService = (host: string, clusterDomain: string): { namespace: string; name: string } | undefined => {
  const inner = host.endsWith(`.${clusterDomain}`) ? host.slice(0, -clusterDomain.length - 1) : host
  const [name, namespace, svc, ...rest] = inner.split('.')
  return name && namespace && svc === 'svc' && rest.length === 0 ? { name, namespace } : undefined
}

const findPort = (service: Service, port: Port) =>
  service.spec.ports?.find((candidate) => (port.name === undefined ? candidate.port === port.number : candidate.name === port.name))

const endpointsOf = (service: Service, slices: readonly EndpointSlice[], port: Port): readonly Target[] => {
  const listed = findPort(service, port)
  const targets = new Map<string, Target>()
  for (const slice of slices) {
    const number = listed ? slicePort(slice, listed.name ?? '') : headlessPort(service, port)
    if (number === undefined) continue
    for (const host of readyAddresses(slice)) targets.set(`${host} ${number}`, { host, port: number })
  }
  return [...targets.values()].sort((a, b) => (a.host < b.host ? -1 : Number(a.host > b.host)))
}

const slicePort = (slice: EndpointSlice, name: string): number | undefined => slice.ports?.find((port) => (port.name ?? '') === name)?.port

/** The name of a headless Service leads to its Pods, on any port that they listen on. */
const headlessPort = (service: Service, port: Port): number | undefined => (service.spec.clusterIP === 'None' ? port.number : undefined)

const readyAddresses = (slice: EndpointSlice): readonly string[] =>
  (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready !== false).flatMap((endpoint) => endpoint.addresses?.slice(0, 1) ?? [])
