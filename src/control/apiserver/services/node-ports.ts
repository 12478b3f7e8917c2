import type { Service } from '../../../base/api/generated/types.ts'
import { services } from '../../../base/api/kinds.ts'
import type { Mutable } from '../../../base/api/object.ts'
import type { ServerContext } from '../context.ts'
import { internal, invalid } from '../errors.ts'

type DraftService = Mutable<Service>

const usesPorts = ({ spec }: Pick<Service, 'spec'>): boolean =>
  spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
const usesHealthPort = ({ spec }: Pick<Service, 'spec'>): boolean => spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

/** `TCP/30080`: the same number may serve TCP and UDP. */
const keyOf = (protocol: string | undefined, port: number): string => `${protocol ?? 'TCP'}/${port}`

function portsOf(service: Service | undefined): string[] {
  const taken = (service?.spec?.ports ?? []).filter((port) => port.nodePort).map((port) => keyOf(port.protocol, port.nodePort!))
  const health = service?.spec?.healthCheckNodePort
  return health ? [...taken, keyOf('TCP', health)] : taken
}

/** Node ports in use are those of the stored Services plus those of writes under way. */
export class NodePorts {
  readonly #ctx: () => ServerContext
  readonly #range: { readonly first: number; readonly last: number }
  readonly #underWay = new Set<string>()

  constructor(ctx: () => ServerContext, range: { first: number; last: number }) {
    this.#ctx = ctx
    this.#range = range
  }

  /** Fills in and reserves the ports that `service` gains over `before`, until `release`. */
  reserve(service: DraftService, before: Service | undefined): { release(): void } {
    const spec = service.spec!
    const explicit = (spec.ports ?? []).some((port) => port.nodePort)
    if (!usesPorts(service) && !(spec.type === 'LoadBalancer' && explicit)) return { release() {} }
    const own = new Set(portsOf(before))
    const taken = this.#taken(service, own)
    const mine: string[] = []
    const take = (protocol: string | undefined, port: number) => {
      const key = keyOf(protocol, port)
      taken.add(key)
      this.#underWay.add(key)
      mine.push(key)
    }
    const release = () => mine.forEach((key) => this.#underWay.delete(key))
    try {
      this.#takeExplicit(service, { own, taken, take })
      if (usesPorts(service)) this.#fill(service, { taken, take })
    } catch (error) {
      release()
      throw error
    }
    return { release }
  }

  #taken(service: DraftService, own: ReadonlySet<string>): Set<string> {
    const { storage, registry } = this.#ctx()
    const others = storage
      .list(registry.find(services)!)
      .items.map((item) => item.object as Service)
      .filter(({ metadata }) => metadata.uid !== service.metadata.uid)
    return new Set([...others.flatMap(portsOf), ...[...this.#underWay].filter((key) => !own.has(key))])
  }

  #takeExplicit(
    service: DraftService,
    { own, taken, take }: { own: ReadonlySet<string>; taken: ReadonlySet<string>; take: (protocol: string | undefined, port: number) => void },
  ): void {
    const { first, last } = this.#range
    service.spec!.ports?.forEach((port, index) => {
      if (!port.nodePort) return
      const key = keyOf(port.protocol, port.nodePort)
      if (own.has(key)) return
      const refuse = (why: string) =>
        invalid(services, service.metadata.name, [
          { type: 'FieldValueInvalid', field: `spec.ports[${index}].nodePort`, message: `Invalid value: ${port.nodePort}: ${why}` },
        ])
      if (port.nodePort < first || port.nodePort > last) throw refuse(`provided port is not in the valid range. The range of valid ports is ${first}-${last}`)
      if (taken.has(key)) throw refuse('provided port is already allocated')
      take(port.protocol, port.nodePort)
    })
  }

  #fill(service: DraftService, { taken, take }: { taken: ReadonlySet<string>; take: (protocol: string | undefined, port: number) => void }): void {
    const spec = service.spec!
    const byNumber = new Map<number, number>()
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue
      // As upstream: the same port for TCP and UDP gets the same node port where it is free.
      const paired = byNumber.get(port.port)
      port.nodePort = paired !== undefined && !taken.has(keyOf(port.protocol, paired)) ? paired : this.#free(taken)
      byNumber.set(port.port, port.nodePort)
      take(port.protocol, port.nodePort)
    }
    if (!usesHealthPort(service) || spec.healthCheckNodePort) return
    spec.healthCheckNodePort = this.#free(taken)
    take('TCP', spec.healthCheckNodePort)
  }

  #free(taken: ReadonlySet<string>): number {
    const { first, last } = this.#range
    const size = last - first + 1
    const start = Math.floor(Math.random() * size)
    for (let step = 0; step < size; step++) {
      const port = first + ((start + step) % size)
      if (!taken.has(keyOf('TCP', port)) && !taken.has(keyOf('UDP', port)) && !taken.has(keyOf('SCTP', port))) return port
    }
    throw internal('failed to allocate a nodePort: range is full')
  }
}
