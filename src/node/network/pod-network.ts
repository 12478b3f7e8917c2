// Routed Pod network without a bridge. Runs inside the profile's network namespace.
//
//   Pod netns   eth0 10.244.0.5/32, default via 169.254.1.1 ──── kp<hash>   route 10.244.0.5/32 dev kp<hash> src 10.244.0.1
//
// Both neighbours are permanent (addresses of the links are chosen, not learnt), so no ARP is ever sent.
import { createHash } from 'node:crypto'
import type { Log } from '../../base/lib/log.ts'
import type { SandboxConfig } from '../runtime/runtime.ts'
import { addressAt, containsIp, ipToNumber, numberToIp, parseCidr } from '../../base/lib/cidr.ts'
import type { HostPorts } from './host-ports.ts'
import { CommandError, enterNetns, ipBatch, tryCommand } from './ip-command.ts'

export interface PodNetworkOptions {
  /** The node's Pod range (`spec.podCIDR`), absent until it is assigned. */
  readonly podCIDR: (node: string) => string | undefined
  /** Host ports of Pods are told to it, with the address that serves them. */
  readonly hostPorts?: HostPorts
  readonly mtu?: number
  /** Prefix that enters the profile's namespace (`ProfileNetwork.enter`); absent for a process that is inside. */
  readonly enter?: readonly string[]
  readonly log: Log
}

/** One address and one veth pair for each sandbox. `attach` and `detach` are safe to repeat. */
export interface PodNetwork {
  attach(request: { id: string; config: SandboxConfig; netnsPid: number }): Promise<{ ip: string }>
  detach(id: string): Promise<void>
  /** Takes an address that a running sandbox has already, after a restart of the agent. Call it for all before the first `attach`. */
  adopt(sandbox: { id: string; config: SandboxConfig; ip: string }): void
}

/** What Pods and nodes have as their next hop; nobody owns it, the neighbour entry is enough. */
export const gateway = '169.254.1.1'
export const gatewayMac = 'ee:ee:ee:ee:ee:ee'

export const podLinkName = (sandboxId: string): string => `kp${createHash('sha256').update(sandboxId).digest('hex').slice(0, 12)}`

/** The first address of a node's Pod range: what its Pods see as the source of the node's own connections, such as probes. */
export const nodeSourceIP = (podCIDR: string): string => addressAt(parseCidr(podCIDR), 1)

/** A locally administered MAC that holds the address, as bridge plugins choose it. */
export const podMac = (ip: string): string =>
  `0a:58:${ip
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join(':')}`

/**
 * Addresses of one range: network, gateway (.1) and broadcast stay free. Goes on from the last one given,
 * so that a released address rests as long as possible.
 */
export class AddressPool {
  readonly #taken = new Set<string>()
  readonly #range
  #next = 2

  constructor(cidr: string) {
    this.#range = parseCidr(cidr)
  }

  get cidr(): string {
    return `${numberToIp(this.#range.base)}/${this.#range.prefix}`
  }

  take(): string {
    const usable = this.#range.size - 3
    for (let tried = 0; tried < usable; tried++) {
      const ip = numberToIp(this.#range.base + this.#next)
      this.#next = this.#next >= this.#range.size - 2 ? 2 : this.#next + 1
      if (!this.#taken.has(ip)) return (this.#taken.add(ip), ip)
    }
    throw new Error(`no addresses available in range ${this.cidr}`)
  }

  /** Marks an address as used; false if it is of another range. */
  claim(ip: string): boolean {
    if (!containsIp(this.#range, ip)) return false
    this.#taken.add(ip)
    this.#next = Math.max(this.#next, ipToNumber(ip) - this.#range.base + 1)
    if (this.#next > this.#range.size - 2) this.#next = 2
    return true
  }

  release(ip: string): void {
    this.#taken.delete(ip)
  }
}

interface Attachment {
  readonly ip: string
  readonly ready: Promise<void>
}

export const createPodNetwork = (options: PodNetworkOptions): PodNetwork => new RoutedPodNetwork(options)

class RoutedPodNetwork implements PodNetwork {
  readonly #options
  readonly #pools = new Map<string, AddressPool>()
  readonly #attached = new Map<string, Attachment>()

  readonly #enter

  constructor(options: PodNetworkOptions) {
    this.#options = options
    this.#enter = options.enter ?? []
  }

  async attach({ id, config, netnsPid }: { id: string; config: SandboxConfig; netnsPid: number }): Promise<{ ip: string }> {
    const known = this.#attached.get(id)
    if (known) return known.ready.then(() => ({ ip: known.ip }))
    const ip = this.#poolOf(config.node).take()
    const ready = this.#connect(id, config, netnsPid, ip)
    this.#attached.set(id, { ip, ready })
    try {
      await ready
    } catch (error) {
      await this.detach(id)
      throw new Error(`cannot connect Pod ${config.namespace}/${config.name} to the network`, { cause: error })
    }
    this.#options.hostPorts?.set(id, config, ip)
    return { ip }
  }

  async detach(id: string): Promise<void> {
    const attachment = this.#attached.get(id)
    this.#options.hostPorts?.delete(id)
    await attachment?.ready.catch(() => {})
    // The link has gone already where the sandbox's namespace ended first; its route went with it.
    await tryCommand([...this.#enter, 'ip', 'link', 'del', podLinkName(id)])
    if (!attachment || this.#attached.get(id) !== attachment) return
    this.#attached.delete(id)
    for (const pool of this.#pools.values()) pool.release(attachment.ip)
  }

  adopt({ id, config, ip }: { id: string; config: SandboxConfig; ip: string }): void {
    this.#attached.set(id, { ip, ready: Promise.resolve() })
    this.#options.hostPorts?.set(id, config, ip)
    for (const pool of this.#pools.values()) pool.claim(ip)
  }

  #poolOf(node: string): AddressPool {
    const cidr = this.#options.podCIDR(node)
    if (!cidr) throw new Error(`node ${node} has no Pod range yet (spec.podCIDR)`)
    const known = this.#pools.get(cidr)
    if (known) return known
    const pool = new AddressPool(cidr)
    for (const { ip } of this.#attached.values()) pool.claim(ip)
    this.#pools.set(cidr, pool)
    return pool
  }

  async #connect(id: string, config: SandboxConfig, netnsPid: number, ip: string): Promise<void> {
    const link = podLinkName(id)
    const mtu = this.#options.mtu ?? 1500
    const source = nodeSourceIP(this.#options.podCIDR(config.node)!)
    const outside = [
      `addr replace ${source}/32 dev lo`,
      `link add ${link} mtu ${mtu} address ${gatewayMac} type veth peer name eth0 mtu ${mtu} address ${podMac(ip)} netns ${netnsPid}`,
      `link set ${link} alias "${config.namespace}/${config.name}" up`,
      `neigh replace ${ip} lladdr ${podMac(ip)} dev ${link} nud permanent`,
      `route replace ${ip}/32 dev ${link} src ${source}`,
    ]
    const inside = [
      'link set lo up',
      `addr add ${ip}/32 dev eth0`,
      'link set eth0 up',
      `neigh replace ${gateway} lladdr ${gatewayMac} dev eth0 nud permanent`,
      `route replace ${gateway}/32 dev eth0`,
      `route replace default via ${gateway} dev eth0`,
    ]
    await this.#batchAfresh(outside, link)
    await ipBatch(inside, enterNetns(`/proc/${netnsPid}/ns/net`))
    this.#options.log.debug({ pod: `${config.namespace}/${config.name}`, ip, link }, 'connected Pod')
  }

  /** A link of that name is a leftover of an attempt that was cut off. */
  async #batchAfresh(lines: readonly string[], link: string): Promise<void> {
    try {
      await ipBatch(lines, this.#enter)
    } catch (error) {
      if (!(error instanceof CommandError) || !error.stderr.includes('File exists')) throw error
      await tryCommand([...this.#enter, 'ip', 'link', 'del', link])
      await ipBatch(lines, this.#enter)
    }
  }
}
