import { describe, expect, it } from 'vitest'
import type { Binding } from './bindings.ts'
import { emptyRules, rulesOf } from './nft-rules.ts'
import { parseListing } from './nft-kernel.ts'
import { fingerprint, knownOf, planChanges } from './nft-script.ts'

const nodes = [
  { name: 'n1', ip: '10.96.129.11', podCIDR: '10.244.0.0/24' },
  { name: 'n2', ip: '10.96.129.12', podCIDR: '10.244.1.0/24' },
]
const a = { ip: '10.244.0.2', port: 8080, node: 'n1' }
const b = { ip: '10.244.1.2', port: 8080, node: 'n2' }
const web: Binding = {
  address: '10.96.0.20',
  port: 80,
  protocol: 'TCP',
  servicePort: 'shop/web:http',
  endpoints: [a, b],
  whenEmpty: 'refuse',
  affinitySeconds: 0,
}
const dns: Binding = { ...web, port: 53, protocol: 'UDP', servicePort: 'shop/web:dns' }

interface Case {
  readonly before?: readonly Binding[]
  readonly after?: readonly Binding[]
  readonly script: string
}

const cases: Readonly<Record<string, Case>> = {
  'a new Service: its chain, its address, and its endpoints as clients of themselves': {
    after: [web],
    script: `
add chain service-shop/web/tcp/http
add rule service-shop/web/tcp/http meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.1.2 . 8080 } #
add element services { 10.96.0.20 . tcp . 80 : goto service-shop/web/tcp/http }
add element hairpin { 10.244.0.2 . 10.244.0.2, 10.244.1.2 . 10.244.1.2 }`,
  },
  'nothing changed: nothing is said': { before: [web], after: [web], script: '' },
  'an endpoint that goes: the chain is written anew, the address stays': {
    before: [web],
    after: [{ ...web, endpoints: [b] }],
    script: `
flush chain service-shop/web/tcp/http
add rule service-shop/web/tcp/http meta l4proto tcp dnat ip to 10.244.1.2:8080 #
delete element hairpin { 10.244.0.2 . 10.244.0.2 }`,
  },
  'the last endpoint that goes: the address refuses': {
    before: [{ ...web, endpoints: [a] }],
    after: [{ ...web, endpoints: [] }],
    script: `
delete element services { 10.96.0.20 . tcp . 80 }
add element refused { 10.96.0.20 . tcp . 80 : goto refuse }
delete element hairpin { 10.244.0.2 . 10.244.0.2 }
flush chain service-shop/web/tcp/http
delete chain service-shop/web/tcp/http`,
  },
  'a node without endpoints under externalTrafficPolicy Local drops, another serves its own': {
    after: [
      { ...web, address: '10.96.129.11', port: 30080, endpoints: [a], onNode: 'n1', whenEmpty: 'drop' },
      { ...web, address: '10.96.129.12', port: 30080, endpoints: [], onNode: 'n2', whenEmpty: 'drop' },
    ],
    script: `
add chain node-n1/shop/web/tcp/http
add rule node-n1/shop/web/tcp/http meta l4proto tcp dnat ip to 10.244.0.2:8080 #
add element services { 10.96.129.11 . tcp . 30080 : goto node-n1/shop/web/tcp/http }
add element refused { 10.96.129.12 . tcp . 30080 : drop }
add element hairpin { 10.244.0.2 . 10.244.0.2 }`,
  },
  'internalTrafficPolicy Local: Pods of a node, and the node itself, go to its endpoints or nowhere': {
    after: [{ ...web, endpoints: [a], byClientNode: { n1: [a], n2: [] } }],
    script: `
add chain node-n1/shop/web/tcp/http
add chain service-shop/web/tcp/http
add chain internal-shop/web/tcp/http
add rule node-n1/shop/web/tcp/http meta l4proto tcp dnat ip to 10.244.0.2:8080 #
add rule service-shop/web/tcp/http meta l4proto tcp dnat ip to 10.244.0.2:8080 #
add rule internal-shop/web/tcp/http ip saddr vmap { 10.96.129.11 : goto node-n1/shop/web/tcp/http, 10.244.0.0/24 : goto node-n1/shop/web/tcp/http, 10.96.129.12 : drop, 10.244.1.0/24 : drop } #
add rule internal-shop/web/tcp/http goto service-shop/web/tcp/http
add element services { 10.96.0.20 . tcp . 80 : goto internal-shop/web/tcp/http }
add element hairpin { 10.244.0.2 . 10.244.0.2 }`,
  },
  'loadBalancerSourceRanges: others are dropped': {
    after: [{ ...web, address: '10.96.128.2', endpoints: [a], sourceRanges: ['10.0.0.0/8', '192.0.2.1/32'] }],
    script: `
add chain service-shop/web/tcp/http
add chain firewall-shop/web/tcp/http
add rule service-shop/web/tcp/http meta l4proto tcp dnat ip to 10.244.0.2:8080 #
add rule firewall-shop/web/tcp/http ip saddr { 10.0.0.0/8, 192.0.2.1/32 } goto service-shop/web/tcp/http #
add rule firewall-shop/web/tcp/http drop
add element services { 10.96.128.2 . tcp . 80 : goto firewall-shop/web/tcp/http }
add element hairpin { 10.244.0.2 . 10.244.0.2 }`,
  },
  'sessionAffinity: each endpoint remembers its clients, and forgets with it': {
    before: [{ ...web, affinitySeconds: 60 }],
    after: [{ ...web, affinitySeconds: 60, endpoints: [b] }],
    script: `
flush chain service-shop/web/tcp/http
add rule service-shop/web/tcp/http ip saddr @affinity-shop/web/tcp/http/10.244.1.2/8080-60s goto endpoint-shop/web/tcp/http/10.244.1.2/8080 #
add rule service-shop/web/tcp/http numgen random mod 1 vmap { 0 : goto endpoint-shop/web/tcp/http/10.244.1.2/8080 }
delete element hairpin { 10.244.0.2 . 10.244.0.2 }
flush chain endpoint-shop/web/tcp/http/10.244.0.2/8080
delete chain endpoint-shop/web/tcp/http/10.244.0.2/8080
delete set affinity-shop/web/tcp/http/10.244.0.2/8080-60s`,
  },
  'a UDP endpoint that goes: the address takes another zone, so that its flows choose again': {
    before: [dns],
    after: [{ ...dns, endpoints: [b] }],
    script: `
flush chain service-shop/web/udp/dns
add rule service-shop/web/udp/dns meta l4proto udp dnat ip to 10.244.1.2:8080 #
delete element hairpin { 10.244.0.2 . 10.244.0.2 }
delete element zones { 10.96.0.20 . udp . 53 }
add element zones { 10.96.0.20 . udp . 53 : 8 }`,
  },
  'a UDP endpoint that comes: flows stay where they are': {
    before: [{ ...dns, endpoints: [b] }],
    after: [dns],
    script: `
flush chain service-shop/web/udp/dns
add rule service-shop/web/udp/dns meta l4proto udp dnat ip to numgen random mod 2 map { 0 : 10.244.0.2 . 8080, 1 : 10.244.1.2 . 8080 } #
add element hairpin { 10.244.0.2 . 10.244.0.2 }`,
  },
  'a Service that goes leaves nothing': {
    before: [dns],
    script: `
delete element services { 10.96.0.20 . udp . 53 }
delete element hairpin { 10.244.0.2 . 10.244.0.2, 10.244.1.2 . 10.244.1.2 }
delete element zones { 10.96.0.20 . udp . 53 }
flush chain service-shop/web/udp/dns
delete chain service-shop/web/udp/dns`,
  },
}

/** Without the table's name and with `#` for the fingerprints, which are of no interest to a reader. */
const shown = (lines: readonly string[]): string =>
  lines.map((line) => line.replace(' ip knarr_services', '').replace(/comment "[0-9a-f]{16}"/, '#')).join('\n')

describe('planChanges', () => {
  it.each(Object.entries(cases))('%s', (_, { before = [], after = [], script }) => {
    const known = knownOf(rulesOf(before, nodes))
    const zones = new Map([...known.udp.keys()].map((key) => [key, 7]))
    const plan = planChanges({ known, wanted: rulesOf(after, nodes), zones, nextZone: () => 8 })
    expect(shown(plan.lines)).toBe(script.trim())
  })

  it('compares with what the kernel lists, after a restart', () => {
    const rules = rulesOf([web], nodes)
    const [chain, lines] = [...rules.chains][0]!
    const listing = {
      nftables: [
        { chain: { name: 'format-1' } },
        { chain: { name: chain } },
        { chain: { name: 'service-gone/x/tcp/80' } },
        { rule: { chain, comment: fingerprint(lines) } },
        { map: { name: 'services', elem: [[{ concat: ['10.96.0.20', 'tcp', 80] }, { goto: { target: chain } }] as const] } },
        { set: { name: 'hairpin', elem: [{ concat: ['10.244.0.2', '10.244.0.2'] }, { concat: ['10.244.1.2', '10.244.1.2'] }] } },
      ],
    }
    const { known, zones } = parseListing(listing)!
    expect(shown(planChanges({ known, wanted: rules, zones, nextZone: () => 1 }).lines)).toBe(
      'flush chain service-gone/x/tcp/80\ndelete chain service-gone/x/tcp/80',
    )
    expect(shown(planChanges({ known, wanted: emptyRules(), zones, nextZone: () => 1 }).lines)).toContain('delete element services { 10.96.0.20 . tcp . 80 }')
  })

  it('does not trust a table of another form', () => {
    expect(parseListing({ nftables: [{ chain: { name: 'format-0' } }] })).toBeUndefined()
  })
})
