// A profile's own network namespace and the one veth pair that joins the host to it.
//
//   host   kn-1a2b3c4d  10.244.255.253/30 ───── 10.244.255.254/30  host0   netns knarr-<profile>
//          routes: Pod, Service, load balancer and node        default route back to the host;
//          ranges via 10.244.255.254                            Service, load balancer ranges and nodes are local (proxy binds them)
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import type { Log } from '../../base/lib/log.ts'
import { addressAt, containsIp, parseCidr } from '../../base/lib/cidr.ts'
import { removeMasquerade, setUpMasquerade, type Egress } from './egress.ts'
import { enterNetns, ipBatch, ipJson, runCommand, tryCommand } from './ip-command.ts'
import { closeNodes, nodeNetnsNames } from './node-network.ts'
import { conflictsOf, takenRanges } from './ranges.ts'

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
}

const hostForwarding = '/proc/sys/net/ipv4/ip_forward'

/** Every name the machine sees of a profile follows from the profile's own. */
export const profileNames = (profile: string): { netns: string; netnsFile: string; hostLink: string; table: string } => {
  const short = createHash('sha256').update(profile).digest('hex').slice(0, 8)
  return { netns: `knarr-${profile}`, netnsFile: `/run/netns/knarr-${profile}`, hostLink: `kn-${short}`, table: `knarr_${short}` }
}

/**
 * Makes, or re-asserts, the profile's network namespace, link and routes. Run on the host, as root; safe to repeat.
 * Throws when another route of the host takes a part of the ranges.
 */
export const setUpProfileNetwork = async (options: ProfileNetworkOptions): Promise<ProfileNetwork> => {
  const names = profileNames(options.profile)
  const destinations = [options.podCIDR, options.serviceCIDR, options.loadBalancerCIDR, options.nodeCIDR]
  await refuseConflicts(destinations, names.hostLink)
  const enter = enterNetns(names.netnsFile)
  const mtu = await uplinkMtu()
  const podRange = parseCidr(options.podCIDR)
  const hostIP = addressAt(podRange, -3)
  const gatewayIP = addressAt(podRange, -2)
  await ensureNetns(names.netns, enter)
  await ensureLink({ ...names, enter })
  await configureInside({ ...options, enter, hostIP, gatewayIP, mtu })
  await configureHost({ hostLink: names.hostLink, profile: options.profile, destinations, hostIP, gatewayIP, mtu })
  const egress = await setUpMasquerade({ table: names.table, hostLink: names.hostLink, sources: [options.podCIDR, ...options.nodeIPs] })
  if (egress.message) options.log.warn({ profile: options.profile }, egress.message)
  return { netns: names.netns, netnsFile: names.netnsFile, enter, hostLink: names.hostLink, hostIP, gatewayIP, mtu, egress }
}

/** Removes namespace, link, routes and rules of a profile; what is not there is no error. Processes inside must have ended. */
export const tearDownProfileNetwork = async (profile: string): Promise<void> => {
  const names = profileNames(profile)
  const restore = await forwardingBefore(names.hostLink)
  await removeMasquerade(names.table)
  await tryCommand(['ip', 'link', 'del', names.hostLink])
  for (const netns of await nodeNetnsNames(profile)) await tryCommand(['ip', 'netns', 'del', netns])
  await tryCommand(['ip', 'netns', 'del', names.netns])
  if (restore === '0' && !(await linkNames()).some((name) => name.startsWith('kn-'))) await writeFile(hostForwarding, '0')
}

const refuseConflicts = async (destinations: readonly string[], ownDevice: string): Promise<void> => {
  const [conflict] = conflictsOf(destinations, await takenRanges(), ownDevice)
  if (conflict) throw new Error(`the network range ${conflict.cidr} is in use on this machine (${conflict.dev}); choose other ranges for this profile`)
}

const linkNames = async (): Promise<readonly string[]> => (await ipJson<Link>(['link', 'show'])).map((link) => link.ifname)

const uplinkMtu = async (): Promise<number> => {
  const [route] = await ipJson<{ dev?: string }>(['-4', 'route', 'show', 'default'])
  if (!route?.dev) return 1500
  const [link] = await ipJson<Link>(['link', 'show', 'dev', route.dev])
  return Math.min(link?.mtu ?? 1500, 65_535)
}

const ensureNetns = async (netns: string, enter: readonly string[]): Promise<void> => {
  if (await tryCommand([...enter, 'true'])) return
  // A file without a mounted namespace is left where a machine lost power.
  await tryCommand(['ip', 'netns', 'del', netns])
  await runCommand(['ip', 'netns', 'add', netns])
}

const ensureLink = async (options: { hostLink: string; netns: string; enter: readonly string[] }): Promise<void> => {
  const outside = await tryCommand(['ip', 'link', 'show', options.hostLink])
  const inside = await tryCommand([...options.enter, 'ip', 'link', 'show', 'host0'])
  if (outside && inside) return
  if (outside) await runCommand(['ip', 'link', 'del', options.hostLink])
  await ipBatch([`link add ${options.hostLink} type veth peer name host0 netns ${options.netns}`])
}

const configureInside = async (
  options: ProfileNetworkOptions & { enter: readonly string[]; hostIP: string; gatewayIP: string; mtu: number },
): Promise<void> => {
  const local = [options.serviceCIDR, options.loadBalancerCIDR].map((range) => `route replace local ${range} dev lo`)
  await ipBatch(
    [
      'link set lo up',
      ...(await staleAddresses(options)).map((ip) => `addr del ${ip}/32 dev lo`),
      ...(await closeNodes(options.enter, (ip) => !options.nodeIPs.includes(ip))),
      ...options.nodeIPs.map((ip) => `addr replace ${ip}/32 dev lo`),
      `addr replace ${options.gatewayIP}/30 dev host0`,
      `link set host0 mtu ${options.mtu} up`,
      `route replace default via ${options.hostIP} dev host0${options.nodeIPs[0] ? ` src ${options.nodeIPs[0]}` : ''}`,
      // Without it a packet to a Pod that is gone would go round between host and profile until its TTL ends.
      ...[options.podCIDR, options.nodeCIDR].map((range) => `route replace unreachable ${range} metric 65535`),
      ...local,
    ],
    options.enter,
  )
  await runCommand([...options.enter, 'sh', '-c', `echo 1 > ${hostForwarding}`])
}

/** Addresses of nodes that are gone or switched off. */
const staleAddresses = async ({ nodeCIDR, nodeIPs, enter }: ProfileNetworkOptions & { enter: readonly string[] }): Promise<readonly string[]> => {
  const range = parseCidr(nodeCIDR)
  const [lo] = await ipJson<{ addr_info: readonly { local: string }[] }>(['-4', 'addr', 'show', 'dev', 'lo'], enter)
  return (lo?.addr_info ?? []).map(({ local }) => local).filter((ip) => containsIp(range, ip) && !nodeIPs.includes(ip))
}

/** What host forwarding was before the first profile: kept in the link's alias, so it goes with the link. */
const forwardingBefore = async (hostLink: string): Promise<string | undefined> => {
  const links = await ipJson<{ ifalias?: string }>(['link', 'show', 'dev', hostLink]).catch(() => [])
  return /ip_forward=(\d)/.exec(links[0]?.ifalias ?? '')?.[1]
}

const configureHost = async (options: {
  hostLink: string
  profile: string
  destinations: readonly string[]
  hostIP: string
  gatewayIP: string
  mtu: number
}): Promise<void> => {
  const { hostLink } = options
  const before = (await forwardingBefore(hostLink)) ?? (await readFile(hostForwarding, 'utf8')).trim()
  await ipBatch([
    `addr replace ${options.hostIP}/30 dev ${hostLink}`,
    `link set ${hostLink} mtu ${options.mtu} alias "knarr ${options.profile} ip_forward=${before}" up`,
    ...(await staleRoutes(options)).map((destination) => `route del ${destination} dev ${hostLink}`),
    ...options.destinations.map((destination) => `route replace ${destination} via ${options.gatewayIP} dev ${hostLink}`),
  ])
  await writeFile(hostForwarding, '1')
}

const staleRoutes = async (options: { hostLink: string; destinations: readonly string[]; gatewayIP: string }): Promise<readonly string[]> => {
  const routes = await ipJson<{ dst: string; gateway?: string }>(['-4', 'route', 'show', 'dev', options.hostLink])
  return routes.filter((route) => route.gateway === options.gatewayIP && !options.destinations.includes(route.dst)).map((route) => route.dst)
}
