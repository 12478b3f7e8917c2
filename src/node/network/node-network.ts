// A network namespace for each node, made for its first Pod with hostNetwork, so that two nodes can use one port.
//
//   netns knarr-<profile>@10.96.129.11 eth0 10.96.129.11/32, default via 169.254.1.1 ──── kl<hash>   table 1011: 10.96.129.11 dev kl<hash>
//
// The node's address stays local in the profile's namespace, too: node ports (and the API's port) end there, everything else in the
// node's own. Policy rules decide, so they stand before the rule of the local table, which is moved behind them:
//
//   10: to 10.96.129.11 ipproto tcp dport 30000-32767 lookup 2011      (table 2011: local 10.96.129.11 dev lo src 10.244.0.1)
//   20: to 10.96.129.11 lookup 1011
//   100: lookup local
import { createHash } from 'node:crypto'
import type { Log } from '../../base/lib/log.ts'
import { CommandError, enterNetns, ipBatch, ipJson, runCommand, tryCommand } from './ip-command.ts'
import type { Binding } from './service-proxy/bindings.ts'
import { gateway, gatewayMac, nodeSourceIP, podMac } from './pod-network.ts'

export interface NodeNetworkOptions {
  readonly profile: string
  readonly nodeIP: (node: string) => string | undefined
  /** Its first address is what the node's hostNetwork Pods see as the source of this namespace's own connections. */
  readonly podCIDR: (node: string) => string | undefined
  /** TCP ports of a node's address that this process answers, besides node ports. */
  readonly ownPorts: (node: string) => readonly number[]
  readonly mtu?: number
  /** Prefix that enters the profile's namespace; absent for a process that is inside. */
  readonly enter?: readonly string[]
  readonly log: Log
}

export type NodePort = Pick<Binding, 'address' | 'protocol' | 'port'>

export interface NodeNetwork {
  /** The node's network namespace as a path, made on first use. Safe to repeat, also after a restart of the agent. */
  of(node: string): Promise<string>
  /** Gives a port of the node's address to this process, or back to the node. */
  claimPort(port: NodePort): Promise<void>
  releasePort(port: NodePort): Promise<void>
}

export const nodePortRange = '30000-32767'

/** By address: a node that takes another's address takes its namespace, too. */
export const nodeNetnsName = (profile: string, ip: string): string => `knarr-${profile}@${ip}`

/** The leaf namespaces of a profile that are there. */
export const nodeNetnsNames = async (profile: string): Promise<readonly string[]> =>
  (await ipJson<{ name: string }>(['netns', 'list'])).map(({ name }) => name).filter((name) => name.startsWith(nodeNetnsName(profile, '')))

const linkOf = (ip: string): string => `kl${createHash('sha256').update(ip).digest('hex').slice(0, 12)}`
const tableOf = (ip: string): number => 1000 + Number(ip.split('.')[3])
/** Local delivery, but not with the node's address as the source of this namespace's own connections: their answers would go to the node. */
const ownTableOf = (ip: string): number => 1000 + tableOf(ip)
const portsRule = (ip: string, protocol: string, ports: string): string => `to ${ip} ipproto ${protocol} dport ${ports} lookup ${ownTableOf(ip)}`

/** Pure: what to put before the local table, in the profile's namespace. The last rule is the sign that all is there. */
export const nodeRules = ({ ip, ownPorts }: { readonly ip: string; readonly ownPorts: readonly number[] }): readonly string[] => [
  ...['tcp', 'udp'].map((protocol) => `rule add pref 10 ${portsRule(ip, protocol, nodePortRange)}`),
  ...ownPorts.map((port) => `rule add pref 11 ${portsRule(ip, 'tcp', String(port))}`),
  `rule add pref 20 to ${ip} lookup ${tableOf(ip)}`,
]

/** Pure: the inside of a node's namespace. Its own node ports lie outside of it, on its own address. */
export const nodeInside = (ip: string): readonly string[] => [
  'link set lo up',
  `addr add ${ip}/32 dev eth0`,
  'link set eth0 up',
  `neigh replace ${gateway} lladdr ${gatewayMac} dev eth0 nud permanent`,
  `route replace ${gateway}/32 dev eth0`,
  `route replace default via ${gateway} dev eth0 src ${ip}`,
  `route replace default via ${gateway} dev eth0 src ${ip} table 100`,
  ...['tcp', 'udp'].map((protocol) => `rule add pref 10 to ${ip} ipproto ${protocol} dport ${nodePortRange} lookup 100`),
  'rule add pref 100 lookup local',
  'rule del pref 0',
]

export const createNodeNetwork = (options: NodeNetworkOptions): NodeNetwork => {
  const underWay = new Map<string, Promise<string>>()
  const enter = options.enter ?? []
  const addressOf = (node: string): string => {
    const ip = options.nodeIP(node)
    if (!ip) throw new Error(`node ${node} has no address`)
    return ip
  }
  const changePort = async (verb: 'add' | 'del', { address, protocol, port }: NodePort) => {
    await tryCommand([...enter, 'ip', 'rule', verb, 'pref', '12', ...portsRule(address, protocol.toLowerCase(), String(port)).split(' ')])
  }
  return {
    async of(node) {
      const making = underWay.get(node) ?? ensureNode(options, node, addressOf(node)).finally(() => underWay.delete(node))
      underWay.set(node, making)
      try {
        return await making
      } catch (error) {
        throw new Error(`cannot make the network of node ${node}`, { cause: error })
      }
    },
    claimPort: (port) => changePort('add', port),
    releasePort: (port) => changePort('del', port),
  }
}

/** Pure: `ip` commands that take the way to the nodes that `isGone` names, for nodes without power. Their next use makes it anew. */
export const closeNodes = (rules: readonly Rule[], isGone: (ip: string) => boolean): readonly string[] =>
  rules
    .filter(({ priority, dst }) => priority > 0 && priority < 100 && dst !== undefined && isGone(dst))
    .map(({ priority, dst }) => `rule del pref ${priority} to ${dst}`)

/** A line of `ip -j rule show`. */
export interface Rule {
  readonly priority: number
  readonly dst?: string
}

const ensureNode = async (options: NodeNetworkOptions, node: string, ip: string): Promise<string> => {
  const enter = options.enter ?? []
  const netns = nodeNetnsName(options.profile, ip)
  const file = `/run/netns/${netns}`
  const rules = await ipJson<Rule>(['rule', 'show'], enter)
  const isComplete = rules.some((rule) => rule.priority === 20 && rule.dst === ip) && (await tryCommand([...enterNetns(file), 'ip', 'link', 'show', 'eth0']))
  if (isComplete) return file
  await removeHalf({ enter, netns, ip, rules })
  await runCommand(['ip', 'netns', 'add', netns])
  const link = linkOf(ip)
  const mtu = options.mtu ?? 1500
  const podCIDR = options.podCIDR(node)
  const source = podCIDR && nodeSourceIP(podCIDR)
  await ipBatch(
    [
      ...(source ? [`addr replace ${source}/32 dev lo`] : []),
      `link add ${link} mtu ${mtu} address ${gatewayMac} type veth peer name eth0 mtu ${mtu} address ${podMac(ip)} netns ${netns}`,
      `link set ${link} alias "node ${node}" up`,
      `neigh replace ${ip} lladdr ${podMac(ip)} dev ${link} nud permanent`,
      `route replace local ${ip}/32 dev lo${source ? ` src ${source}` : ''} table ${ownTableOf(ip)}`,
      `route replace ${ip}/32 dev ${link}${source ? ` src ${source}` : ''} table ${tableOf(ip)}`,
    ],
    enter,
  )
  // A node's packets come back to where their source is local, too: to its own node ports, and to the API on its own address.
  await runCommand([...enter, 'sh', '-c', `echo 1 > /proc/sys/net/ipv4/conf/${link}/accept_local`])
  await ipBatch(nodeInside(ip), enterNetns(file))
  await runCommand([...enterNetns(file), 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/eth0/accept_local'])
  await moveLocalTable(enter, rules)
  await ipBatch(nodeRules({ ip, ownPorts: options.ownPorts(node) }), enter)
  options.log.debug({ node, ip, netns }, 'made the network of a node')
  return file
}

/** 12 is for ports that Pods claim, which come and go by themselves. */
const ownPriorities: readonly number[] = [10, 11, 20]

/** What a maker that was killed has left. */
const removeHalf = async (half: { enter: readonly string[]; netns: string; ip: string; rules: readonly Rule[] }): Promise<void> => {
  for (const rule of half.rules)
    if (rule.dst === half.ip && ownPriorities.includes(rule.priority))
      await tryCommand([...half.enter, 'ip', 'rule', 'del', 'pref', String(rule.priority), 'to', half.ip])
  await tryCommand([...half.enter, 'ip', 'link', 'del', linkOf(half.ip)])
  await tryCommand(['ip', 'netns', 'del', half.netns])
}

/** First the copy behind, then the one in front away: there is no moment without. */
const moveLocalTable = async (enter: readonly string[], rules: readonly Rule[]): Promise<void> => {
  if (!rules.some((rule) => rule.priority === 0)) return
  await runCommand([...enter, 'ip', 'rule', 'add', 'pref', '100', 'lookup', 'local']).catch((error: unknown) => {
    if (!(error instanceof CommandError) || !error.stderr.includes('File exists')) throw error
  })
  await runCommand([...enter, 'ip', 'rule', 'del', 'pref', '0'])
}
