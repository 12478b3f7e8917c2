import { createHash } from 'node:crypto'
import { emptyRules, refuseChain, type Elements, type Rules } from './nft-rules.ts'

export const serviceTable = 'knarr_services'

/** What the kernel holds of the rules, as far as a comparison needs it. */
export interface Known {
  readonly elements: Elements
  /** Name → fingerprint of its rules. */
  readonly chains: Map<string, string>
  readonly affinities: Set<string>
  /** Address → endpoints of UDP; undefined where the kernel was read and only the chain tells. */
  readonly udp: Map<string, ReadonlySet<string> | undefined>
}

export const knownOf = (rules: Rules): Known => ({
  elements: rules.elements,
  chains: new Map([...rules.chains].map(([name, lines]) => [name, fingerprint(lines)])),
  affinities: new Set(rules.affinities.keys()),
  udp: new Map([...rules.udp].map(([key, { endpoints }]) => [key, endpoints])),
})

export const nothingKnown = (): Known => knownOf(emptyRules())

/** The chain that says in which form the table is written; a table without it is made anew. */
export const formatChain = 'format-1'

/**
 * The table without any Service. `masqueradeAs` is the source that an endpoint sees which is its own client: its answer has to come back here.
 * Zones: a UDP flow whose endpoint goes must choose again, but connection tracking remembers it. A new zone for the Service's address makes it forget.
 */
export const tableScript = ({ masqueradeAs }: { readonly masqueradeAs: string }): readonly string[] => [
  `add table ip ${serviceTable}`,
  `delete table ip ${serviceTable}`,
  `table ip ${serviceTable} {`,
  '  map services { type ipv4_addr . inet_proto . inet_service : verdict; }',
  '  map refused { type ipv4_addr . inet_proto . inet_service : verdict; }',
  '  map zones { typeof ip daddr . meta l4proto . th dport : ct zone; }',
  '  set hairpin { type ipv4_addr . ipv4_addr; }',
  `  chain ${formatChain} {`,
  '  }',
  `  chain ${refuseChain} {`,
  '    meta l4proto tcp reject with tcp reset',
  '    reject',
  '  }',
  ...['prerouting', 'output'].flatMap((hook) => [
    `  chain zone-${hook} {`,
    `    type filter hook ${hook} priority -300; policy accept;`,
    '    meta l4proto udp ct original zone set ip daddr . meta l4proto . th dport map @zones',
    '  }',
    `  chain nat-${hook} {`,
    `    type nat hook ${hook} priority -100; policy accept;`,
    '    ip daddr . meta l4proto . th dport vmap @services',
    '  }',
  ]),
  '  chain nat-postrouting {',
  '    type nat hook postrouting priority 100; policy accept;',
  `    ct status dnat ip saddr . ip daddr @hairpin snat to ${masqueradeAs}`,
  '  }',
  ...['input', 'forward', 'output'].flatMap((hook) => [
    `  chain filter-${hook} {`,
    `    type filter hook ${hook} priority -10; policy accept;`,
    '    ct state new ip daddr . meta l4proto . th dport vmap @refused',
    '  }',
  ]),
  '}',
]

export const fingerprint = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)

export interface Plan {
  /** Lines for one `nft -f -`, which the kernel takes as a whole or not at all. */
  readonly lines: readonly string[]
  /** What the zone of each UDP address becomes; undefined where it has none any more. */
  readonly zones: ReadonlyMap<string, number | undefined>
}

export interface PlanRequest {
  readonly known: Known
  readonly wanted: Rules
  /** Zones in force. */
  readonly zones: ReadonlyMap<string, number>
  /** A zone that no address had of late. */
  readonly nextZone: () => number
}

/** The smallest change from `known` to `wanted`. Pure but for `nextZone`. Nothing is mentioned that stays as it is. */
export const planChanges = ({ known, wanted, zones, nextZone }: PlanRequest): Plan => {
  const goal = knownOf(wanted)
  const changed = [...goal.chains].filter(([name, print]) => known.chains.get(name) !== print).map(([name]) => name)
  const added = changed.filter((name) => !known.chains.has(name))
  const gone = [...known.chains.keys()].filter((name) => !goal.chains.has(name))
  const nextZones = planZones({ known, wanted, zones, nextZone, changed: new Set(changed) })
  return {
    zones: nextZones,
    lines: [
      ...added.map((name) => `add chain ip ${serviceTable} ${name}`),
      ...[...wanted.affinities]
        .filter(([name]) => !known.affinities.has(name))
        .map(([name, seconds]) => `add set ip ${serviceTable} ${name} { type ipv4_addr; size 65535; flags dynamic,timeout; timeout ${seconds}s; }`),
      ...changed.flatMap((name) => [
        ...(known.chains.has(name) ? [`flush chain ip ${serviceTable} ${name}`] : []),
        ...ruleLines(name, wanted.chains.get(name)!),
      ]),
      ...(['services', 'refused', 'hairpin'] as const).flatMap((name) => elementLines(name, known.elements[name], goal.elements[name])),
      ...elementLines(
        'zones',
        new Map([...nextZones.keys()].flatMap((key) => (zones.has(key) ? [[key, String(zones.get(key))]] : []))),
        new Map([...nextZones].flatMap(([key, zone]) => (zone === undefined ? [] : [[key, String(zone)]]))),
      ),
      // Flushed first, since they lead to one another.
      ...gone.map((name) => `flush chain ip ${serviceTable} ${name}`),
      ...gone.map((name) => `delete chain ip ${serviceTable} ${name}`),
      ...[...known.affinities].filter((name) => !goal.affinities.has(name)).map((name) => `delete set ip ${serviceTable} ${name}`),
    ],
  }
}

const ruleLines = (chain: string, lines: readonly string[]): readonly string[] =>
  lines.map((line, index) => `add rule ip ${serviceTable} ${chain} ${line}${index === 0 ? ` comment "${fingerprint(lines)}"` : ''}`)

const elementLines = (name: string, known: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): readonly string[] => {
  const removed = [...known].filter(([key, value]) => wanted.get(key) !== value).map(([key]) => key)
  const added = [...wanted].filter(([key, value]) => known.get(key) !== value).map(([key, value]) => (value === '' ? key : `${key} : ${value}`))
  return [
    ...(removed.length > 0 ? [`delete element ip ${serviceTable} ${name} { ${removed.join(', ')} }`] : []),
    ...(added.length > 0 ? [`add element ip ${serviceTable} ${name} { ${added.join(', ')} }`] : []),
  ]
}

const planZones = ({ known, wanted, zones, nextZone, changed }: PlanRequest & { changed: ReadonlySet<string> }): ReadonlyMap<string, number | undefined> => {
  const result = new Map<string, number | undefined>()
  for (const [key, { chain, endpoints }] of wanted.udp) {
    const before = known.udp.get(key)
    const lostOne = before ? [...before].some((endpoint) => !endpoints.has(endpoint)) : changed.has(chain) || !zones.has(key)
    if (lostOne) result.set(key, nextZone())
  }
  for (const key of known.udp.keys()) if (!wanted.udp.has(key) && zones.has(key)) result.set(key, undefined)
  return result
}
