import { containsIp, parseCidr } from '../../../base/lib/cidr.ts'
import type { Binding, ProxyEndpoint } from './bindings.ts'

interface Affinity {
  readonly endpoint: string
  readonly untilMs: number
}

const nameOf = (endpoint: ProxyEndpoint): string => `${endpoint.ip}:${endpoint.port}`

// Bounds the memory of a Service that many clients called once.
const sweepAbove = 10_000

/** Round robin over a binding's endpoints, with the memory that `sessionAffinity: ClientIP` asks for. Holds no sockets and no timers. */
export class EndpointChoice {
  #binding: Binding
  #next = 0
  readonly #affinities = new Map<string, Affinity>()
  readonly #nodeOfClient: (ip: string) => string | undefined

  constructor(binding: Binding, nodeOfClient: (ip: string) => string | undefined = () => undefined) {
    this.#binding = binding
    this.#nodeOfClient = nodeOfClient
  }

  update(binding: Binding): void {
    this.#binding = binding
  }

  has(endpoint: ProxyEndpoint): boolean {
    const { endpoints, byClientNode = {} } = this.#binding
    return [endpoints, ...Object.values(byClientNode)].flat().some((each) => nameOf(each) === nameOf(endpoint))
  }

  /** Every endpoint that may serve the client, the chosen one first: the rest are for when it refuses. */
  order(clientIp: string, nowMs: number): readonly ProxyEndpoint[] {
    const usable = this.#usableFor(clientIp)
    if (usable.length === 0) return []
    const kept = this.#keptFor(clientIp, nowMs)
    const index = usable.findIndex((endpoint) => nameOf(endpoint) === kept)
    const first = index >= 0 ? index : this.#next++ % usable.length
    return [...usable.slice(first), ...usable.slice(0, first)]
  }

  /** Remembers who served the client; each connection renews the time. */
  served(clientIp: string, endpoint: ProxyEndpoint, nowMs: number): void {
    const { affinitySeconds } = this.#binding
    if (affinitySeconds === 0) return
    if (this.#affinities.size >= sweepAbove) this.#sweep(nowMs)
    this.#affinities.set(clientIp, { endpoint: nameOf(endpoint), untilMs: nowMs + affinitySeconds * 1000 })
  }

  #usableFor(clientIp: string): readonly ProxyEndpoint[] {
    const { endpoints, byClientNode, sourceRanges } = this.#binding
    if (sourceRanges && !sourceRanges.some((range) => containsIp(parseCidr(range), clientIp))) return []
    const node = byClientNode ? this.#nodeOfClient(clientIp) : undefined
    return node === undefined ? endpoints : (byClientNode?.[node] ?? [])
  }

  #keptFor(clientIp: string, nowMs: number): string | undefined {
    if (this.#binding.affinitySeconds === 0) return undefined
    const affinity = this.#affinities.get(clientIp)
    return affinity && affinity.untilMs > nowMs ? affinity.endpoint : undefined
  }

  #sweep(nowMs: number): void {
    for (const [client, affinity] of this.#affinities) if (affinity.untilMs <= nowMs) this.#affinities.delete(client)
  }
}
