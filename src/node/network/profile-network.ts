// A profile's own network namespace and the one veth pair that joins the host to it.
//
//   host   kn-1a2b3c4d  10.244.255.253/30 ───── 10.244.255.254/30  host0   netns knarr-<profile>
//          routes: Pod, Service, load balancer and node        default route back to the host;
//          ranges via 10.244.255.254                            Service, load balancer ranges and nodes are local (proxy binds them)
import { createHash } from 'node:crypto'
import { existsSync, statfsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import type { Log } from '../../base/lib/log.ts'
import { addressAt, containsIp, parseCidr } from '../../base/lib/cidr.ts'
import { removeMasquerade, setUpMasquerade, type Egress } from './egress.ts'
import { enterNetns, ipBatch, ipJson, ipShow, runCommand, tryCommand } from './ip-command.ts'
import { closeNodes, nodeNetnsNames, type Rule } from './node-network.ts'
import { conflictsOf, rangesIn, type Route } from './ranges.ts'

export interface ProfileNetworkOptions {
  readonly profile: string
  readonly podCIDR: string
  readonly serviceCIDR: string
  readonly loadBalancerCIDR: string
  readonly nodeCIDR: string
  /** Those that answer. An address of the range that is no longer among them is taken off: it is unreachable, as a host without power. */
  readonly nodeIPs: readonly string[]
  readonly log: Log
}

export interface ProfileNetwork {
  /** `knarr-<profile>`, as `ip netns` knows it. */
  readonly netns: string
  readonly netnsFile: string
  /** Put before a command's argv, it runs the command inside. */
  readonly enter: readonly string[]
  readonly hostLink: string
  /** The host as the profile sees it, and the profile's end as the host sees it. */
  readonly hostIP: string
  readonly gatewayIP: string
  readonly mtu: number
  readonly egress: Egress
}

interface Link {
  readonly ifname: string
  readonly mtu: number
  readonly ifalias?: string
}

/** What the host has, of which only the profile's own may be touched. */
interface HostState {
  readonly routes: readonly Route[]
  readonly links: readonly Link[]
}

/** What the profile's namespace has. */
interface InsideState {
  readonly hasLink: boolean
  /** Addresses of nodes, on `lo`. */
  readonly addresses: readonly string[]
  readonly rules: readonly Rule[]
}

const nothingInside: InsideState = { hasLink: false, addresses: [], rules: [] }

const hostForwarding = '/proc/sys/net/ipv4/ip_forward'

/** Every name the machine sees of a profile follows from the profile's own. */
export const profileNames = (profile: string): { netns: string; netnsFile: string; hostLink: string; table: string } => {
  const short = createHash('sha256').update(profile).digest('hex').slice(0, 8)
  return { netns: `knarr-${profile}`, netnsFile: `/run/netns/knarr-${profile}`, hostLink: `kn-${short}`, table: `knarr_${short}` }
}

/**
 * Makes, or re-asserts, the profile's network namespace, link and routes. Run on the host, as root; safe to repeat.
 * Throws when another route of the host takes a part of the ranges. Each process costs milliseconds of the first second: few are started.
 */
export const setUpProfileNetwork = async (options: ProfileNetworkOptions): Promise<ProfileNetwork> => {
  const names = profileNames(options.profile)
  const destinations = [options.podCIDR, options.serviceCIDR, options.loadBalancerCIDR, options.nodeCIDR]
  const host = await readHost()
  refuseConflicts(destinations, host, names.hostLink)
  const enter = enterNetns(names.netnsFile)
  const podRange = parseCidr(options.podCIDR)
  const plan = { ...options, ...names, destinations, host, enter, mtu: uplinkMtu(host), hostIP: addressAt(podRange, -3), gatewayIP: addressAt(podRange, -2) }
  const inside = (await ensureNetns(names)) ? nothingInside : await readInside(options.nodeCIDR, enter)
  await configureHost(plan, inside.hasLink)
  const [egress] = await Promise.all([
    setUpMasquerade({ table: names.table, hostLink: names.hostLink, sources: [options.podCIDR, ...options.nodeIPs] }),
    configureInside(plan, inside),
  ])
  if (egress.message) options.log.warn({ profile: options.profile }, egress.message)
  const { mtu, hostIP, gatewayIP } = plan
  return { netns: names.netns, netnsFile: names.netnsFile, enter, hostLink: names.hostLink, hostIP, gatewayIP, mtu, egress }
}

/** Removes namespace, link, routes and rules of a profile; what is not there is no error. Processes inside must have ended. */
export const tearDownProfileNetwork = async (profile: string): Promise<void> => {
  const names = profileNames(profile)
  const restore = forwardingBefore((await readHost()).links, names.hostLink)
  await removeMasquerade(names.table)
  await tryCommand(['ip', 'link', 'del', names.hostLink])
  for (const netns of await nodeNetnsNames(profile)) await tryCommand(['ip', 'netns', 'del', netns])
  await tryCommand(['ip', 'netns', 'del', names.netns])
  if (restore === '0' && !(await linkNames()).some((name) => name.startsWith('kn-'))) await writeFile(hostForwarding, '0')
}

const readHost = async (): Promise<HostState> => {
  const [routes, links] = await ipShow(['route show table all', 'link show'])
  return { routes: routes as readonly Route[], links: links as readonly Link[] }
}

/** Without `link show`: it would have `addr show` leave the addresses out. A link without an address counts as none: it is made anew. */
const readInside = async (nodeCIDR: string, enter: readonly string[]): Promise<InsideState> => {
  const [addresses, rules] = await ipShow(['addr show', 'rule show'], enter)
  const links = addresses as readonly { readonly ifname?: string; readonly addr_info?: readonly { readonly local: string }[] }[]
  const range = parseCidr(nodeCIDR)
  const onLoopback = links.find(({ ifname }) => ifname === 'lo')?.addr_info ?? []
  return {
    hasLink: links.some(({ ifname }) => ifname === 'host0'),
    addresses: onLoopback.map(({ local }) => local).filter((ip) => containsIp(range, ip)),
    rules: rules as readonly Rule[],
  }
}

const refuseConflicts = (destinations: readonly string[], { routes }: HostState, ownDevice: string): void => {
  const [conflict] = conflictsOf(destinations, rangesIn(routes), ownDevice)
  if (conflict) throw new Error(`the network range ${conflict.cidr} is in use on this machine (${conflict.dev}); choose other ranges for this profile`)
}

const linkNames = async (): Promise<readonly string[]> => (await ipJson<Link>(['link', 'show'])).map((link) => link.ifname)

const uplinkMtu = ({ routes, links }: HostState): number => {
  const uplink = routes.find(({ dst, table }) => dst === 'default' && table === undefined)?.dev
  return Math.min(links.find(({ ifname }) => ifname === uplink)?.mtu ?? 1500, 65_535)
}

const namespaceFilesystem = 0x6e736673

/** Whether it was made just now. */
const ensureNetns = async ({ netns, netnsFile }: { netns: string; netnsFile: string }): Promise<boolean> => {
  if (existsSync(netnsFile)) {
    if (statfsSync(netnsFile).type === namespaceFilesystem) return false
    // A file without a mounted namespace is left where a machine lost power.
    await tryCommand(['ip', 'netns', 'del', netns])
  }
  await runCommand(['ip', 'netns', 'add', netns])
  return true
}

interface Plan extends ProfileNetworkOptions {
  readonly netns: string
  readonly hostLink: string
  readonly destinations: readonly string[]
  readonly host: HostState
  readonly enter: readonly string[]
  readonly hostIP: string
  readonly gatewayIP: string
  readonly mtu: number
}

const configureInside = async (plan: Plan, { addresses, rules }: InsideState): Promise<void> => {
  const { nodeIPs } = plan
  const isGone = (ip: string) => !nodeIPs.includes(ip)
  const lines = [
    'link set lo up',
    ...addresses.filter(isGone).map((ip) => `addr del ${ip}/32 dev lo`),
    ...closeNodes(rules, isGone),
    ...nodeIPs.map((ip) => `addr replace ${ip}/32 dev lo`),
    `addr replace ${plan.gatewayIP}/30 dev host0`,
    `link set host0 mtu ${plan.mtu} up`,
    `route replace default via ${plan.hostIP} dev host0${nodeIPs[0] ? ` src ${nodeIPs[0]}` : ''}`,
    // Without it a packet to a Pod that is gone would go round between host and profile until its TTL ends.
    ...[plan.podCIDR, plan.nodeCIDR].map((range) => `route replace unreachable ${range} metric 65535`),
    ...[plan.serviceCIDR, plan.loadBalancerCIDR].map((range) => `route replace local ${range} dev lo`),
  ]
  await runCommand([...plan.enter, 'sh', '-c', `echo 1 > ${hostForwarding} && exec ip -batch -`], lines.join('\n') + '\n')
}

/** What host forwarding was before the first profile: kept in the link's alias, so it goes with the link. */
const forwardingBefore = (links: readonly Link[], hostLink: string): string | undefined =>
  /ip_forward=(\d)/.exec(links.find(({ ifname }) => ifname === hostLink)?.ifalias ?? '')?.[1]

const configureHost = async (plan: Plan, hasInside: boolean): Promise<void> => {
  const { hostLink, host } = plan
  const hasOutside = host.links.some(({ ifname }) => ifname === hostLink)
  const isNew = !(hasOutside && hasInside)
  const before = forwardingBefore(host.links, hostLink) ?? (await readFile(hostForwarding, 'utf8')).trim()
  await ipBatch([
    ...(isNew && hasOutside ? [`link del ${hostLink}`] : []),
    ...(isNew ? [`link add ${hostLink} type veth peer name host0 netns ${plan.netns}`] : []),
    `addr replace ${plan.hostIP}/30 dev ${hostLink}`,
    `link set ${hostLink} mtu ${plan.mtu} alias "knarr ${plan.profile} ip_forward=${before}" up`,
    ...(isNew ? [] : staleRoutes(plan)).map((destination) => `route del ${destination} dev ${hostLink}`),
    ...plan.destinations.map((destination) => `route replace ${destination} via ${plan.gatewayIP} dev ${hostLink}`),
  ])
  await writeFile(hostForwarding, '1')
}

const staleRoutes = ({ host, hostLink, gatewayIP, destinations }: Plan): readonly string[] =>
  host.routes.filter((route) => route.dev === hostLink && route.gateway === gatewayIP && !destinations.includes(route.dst)).map((route) => route.dst)
