// What the kernel shall hold for the Services' bindings, as data. Worked example, `shop/web` with two endpoints and a node port:
//
//   map services { 10.96.0.20 . tcp . 80 : goto service-shop/web/tcp/http, 10.96.129.11 . tcp . 30080 : goto service-shop/web/tcp/http }
//   chain service-shop/web/tcp/http { meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.1.2 . 8080 } }
//   set hairpin { 10.244.0.2 . 10.244.0.2, 10.244.1.2 . 10.244.1.2 }
import type { Binding, ProxyEndpoint, ProxyNode } from './bindings.ts'

/** Maps and sets of the table whose elements change: element key → value, empty in a set. */
export interface Elements {
  readonly services: Map<string, string>
  readonly refused: Map<string, string>
  readonly hairpin: Map<string, string>
}

export interface Rules {
  readonly elements: Elements
  /** Name → rules, in order. */
  readonly chains: Map<string, readonly string[]>
  /** Affinity sets: name → seconds. A set's name holds its time, so that another time is another set. */
  readonly affinities: Map<string, number>
  /** For each UDP address, who serves it: flows to those that go must choose again. */
  readonly udp: Map<string, { readonly chain: string; readonly endpoints: ReadonlySet<string> }>
}

export const emptyRules = (): Rules => ({
  elements: { services: new Map(), refused: new Map(), hairpin: new Map() },
  chains: new Map(),
  affinities: new Map(),
  udp: new Map(),
})

export const refuseChain = 'refuse'

/** Pure. `nodes` say whose Pods a source address belongs to. */
export const rulesOf = (bindings: readonly Binding[], nodes: readonly ProxyNode[]): Rules => {
  const rules = emptyRules()
  for (const binding of bindings) addBinding(rules, binding, nodes)
  return rules
}

export const elementKey = ({ address, protocol, port }: Pick<Binding, 'address' | 'protocol' | 'port'>): string =>
  `${address} . ${protocol.toLowerCase()} . ${port}`

const addBinding = (rules: Rules, binding: Binding, nodes: readonly ProxyNode[]): void => {
  const key = elementKey(binding)
  const local = Object.values(binding.byClientNode ?? {}).flat()
  const endpoints = [...binding.endpoints, ...local]
  if (endpoints.length === 0) return void rules.elements.refused.set(key, binding.whenEmpty === 'drop' ? 'drop' : `goto ${refuseChain}`)
  const chain = entryChain(rules, binding, nodes)
  rules.elements.services.set(key, `goto ${chain}`)
  for (const { ip } of endpoints) rules.elements.hairpin.set(`${ip} . ${ip}`, '')
  if (binding.protocol === 'UDP') rules.udp.set(key, { chain, endpoints: new Set(endpoints.map(({ ip, port }) => `${ip}:${port}`)) })
}

const baseName = ({ servicePort, protocol }: Binding): string => servicePort.replace(':', `/${protocol.toLowerCase()}/`)

/** The chain an address leads to: who may ask, then by whose Pod is asked, then the choice. */
const entryChain = (rules: Rules, binding: Binding, nodes: readonly ProxyNode[]): string => {
  const base = baseName(binding)
  if (binding.sourceRanges) {
    const target = choiceChain(rules, binding, binding.endpoints)
    rules.chains.set(`firewall-${base}`, [
      ...(binding.sourceRanges.length > 0 ? [`ip saddr { ${binding.sourceRanges.join(', ')} } goto ${target}`] : []),
      'drop',
    ])
    return `firewall-${base}`
  }
  if (binding.byClientNode) {
    const verdicts = nodes.flatMap((node) => clientVerdicts(rules, binding, node))
    const others = binding.endpoints.length > 0 ? [`goto ${choiceChain(rules, binding, binding.endpoints)}`] : []
    rules.chains.set(`internal-${base}`, [...(verdicts.length > 0 ? [`ip saddr vmap { ${verdicts.join(', ')} }`] : []), ...others])
    return `internal-${base}`
  }
  return choiceChain(rules, binding, binding.endpoints, binding.onNode)
}

const clientVerdicts = (rules: Rules, binding: Binding, node: ProxyNode): readonly string[] => {
  const endpoints = binding.byClientNode?.[node.name] ?? []
  const verdict = endpoints.length > 0 ? `goto ${choiceChain(rules, binding, endpoints, node.name)}` : 'drop'
  return [node.ip, ...(node.podCIDR ? [node.podCIDR] : [])].map((source) => `${source} : ${verdict}`)
}

const choiceChain = (rules: Rules, binding: Binding, endpoints: readonly ProxyEndpoint[], node?: string): string => {
  const name = node === undefined ? `service-${baseName(binding)}` : `node-${node}/${baseName(binding)}`
  rules.chains.set(name, binding.affinitySeconds > 0 ? affinityChoice(rules, binding, endpoints) : [randomChoice(binding, endpoints)])
  return name
}

const randomChoice = ({ protocol }: Binding, endpoints: readonly ProxyEndpoint[]): string => {
  const head = `meta l4proto ${protocol.toLowerCase()} dnat ip to`
  const [only] = endpoints
  if (endpoints.length === 1 && only) return `${head} ${only.ip}:${only.port}`
  return `${head} numgen random mod ${endpoints.length} map { ${endpoints.map(({ ip, port }, index) => `${index} : ${ip} . ${port}`).join(', ')} }`
}

/** A client that an endpoint remembers goes there, others to any; each new connection renews the memory. */
const affinityChoice = (rules: Rules, binding: Binding, endpoints: readonly ProxyEndpoint[]): readonly string[] => {
  const remembered: string[] = []
  const fresh: string[] = []
  for (const [index, endpoint] of endpoints.entries()) {
    const id = `${baseName(binding)}/${endpoint.ip}/${endpoint.port}`
    const set = `affinity-${id}-${binding.affinitySeconds}s`
    const chain = `endpoint-${id}`
    rules.affinities.set(set, binding.affinitySeconds)
    rules.chains.set(chain, [`update @${set} { ip saddr }`, randomChoice(binding, [endpoint])])
    remembered.push(`ip saddr @${set} goto ${chain}`)
    fresh.push(`${index} : goto ${chain}`)
  }
  return [...remembered, `numgen random mod ${endpoints.length} vmap { ${fresh.join(', ')} }`]
}
