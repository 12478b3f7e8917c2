import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Node, Pod, Service } from '../../base/api/generated/types.ts'
import { decide, nodesToFind } from './cycle.ts'
import { unschedulableMessage } from './messages.ts'
import { plugins } from './plugins/index.ts'
import { podInfoOf, SchedulerCache } from './snapshot.ts'

// A world on a few lines: nodes `name: {...}`, placed Pods `node: [pod, ...]`, and the Pod to place.
interface World {
  readonly nodes: string
  readonly placed?: string
  readonly pod: string
  readonly services?: string
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

interface Shorthand {
  readonly cpu?: string
  readonly memory?: string
  readonly labels?: Record<string, string>
  readonly owner?: string
  readonly namespace?: string
  readonly hostPort?: number
  readonly spec?: object
}

const node = (
  name: string,
  {
    cpu = '4',
    memory = '8Gi',
    pods = '110',
    labels = {},
    spec = {},
    ...rest
  }: { cpu?: string; memory?: string; pods?: string; labels?: object; spec?: object },
): Node =>
  ({
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec,
    status: { allocatable: { cpu, memory, pods, ...rest } },
  }) as unknown as Node

let serial = 0
const pod = ({ cpu, memory, labels, owner, namespace = 'default', hostPort, spec }: Shorthand, nodeName?: string): Pod =>
  ({
    metadata: { name: `p${serial++}`, namespace, uid: `u${serial}`, labels, ...(owner ? { ownerReferences: [{ uid: owner, controller: true }] } : {}) },
    spec: {
      nodeName,
      containers: [
        {
          name: 'c',
          resources: { requests: { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) } },
          ...(hostPort ? { ports: [{ containerPort: hostPort, hostPort }] } : {}),
        },
      ],
      ...spec,
    },
  }) as unknown as Pod

const outcome = (world: World): string => {
  const services = (parse(world.services ?? '[]') as object[]).map((selector) => ({ spec: { selector } }) as unknown as Service)
  const cache = new SchedulerCache({
    servicesOf: () => services,
    labelsOfNamespace: (name) => world.namespaces?.[name] ?? {},
    storage: { claim: () => undefined, volume: () => undefined, volumes: () => [], class: () => undefined },
  })
  for (const [name, given] of Object.entries(parse(world.nodes) as Record<string, object | null>)) cache.setNode(node(name, given ?? {}))
  for (const [name, given] of Object.entries(parse(world.placed ?? '{}') as Record<string, Shorthand[]>))
    for (const each of given) cache.setPod(pod(each, name))
  const decision = decide(podInfoOf(pod(parse(world.pod) as Shorthand)), cache.snapshot(), { plugins, random: () => 0 })
  return 'node' in decision ? decision.node : [...decision.refusals.values()].map(({ reasons }) => reasons.join(' + ')).join(' | ')
}

const antiAffinity =
  '{ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: zone, labelSelector: { matchLabels: { app: db } } }] } }'
const affinity = '{ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: zone, labelSelector: { matchLabels: { app: db } } }] } }'
const spread = (rest = '') =>
  `topologySpreadConstraints: [{ maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: { matchLabels: { app: web } }${rest} }]`
const zones = '{ a: { labels: { zone: z1 } }, b: { labels: { zone: z2 } } }'

const cases: readonly [string, World, string][] = [
  ['a cordoned node', { nodes: '{ a: { spec: { unschedulable: true } } }', pod: '{}' }, 'node(s) were unschedulable'],
  [
    'a cordoned node and a Pod that tolerates it',
    { nodes: '{ a: { spec: { unschedulable: true } } }', pod: '{ spec: { tolerations: [{ operator: Exists }] } }' },
    'a',
  ],
  ['a taint', { nodes: '{ a: { spec: { taints: [{ key: gpu, value: "1", effect: NoSchedule }] } } }', pod: '{}' }, 'node(s) had untolerated taint(s)'],
  [
    'a tolerated taint',
    { nodes: '{ a: { spec: { taints: [{ key: gpu, value: "1", effect: NoExecute }] } } }', pod: '{ spec: { tolerations: [{ key: gpu, value: "1" }] } }' },
    'a',
  ],
  [
    'a toleration of another value',
    { nodes: '{ a: { spec: { taints: [{ key: gpu, value: "1", effect: NoSchedule }] } } }', pod: '{ spec: { tolerations: [{ key: gpu, value: "2" }] } }' },
    'node(s) had untolerated taint(s)',
  ],
  ['a soft taint: the other node', { nodes: '{ a: { spec: { taints: [{ key: slow, effect: PreferNoSchedule }] } }, b: }', pod: '{}' }, 'b'],
  ['a node selector', { nodes: '{ a: , b: { labels: { disk: ssd } } }', pod: '{ spec: { nodeSelector: { disk: ssd } } }' }, 'b'],
  ['a node selector nobody meets', { nodes: '{ a: }', pod: '{ spec: { nodeSelector: { disk: ssd } } }' }, "node(s) didn't match Pod's node affinity/selector"],
  [
    "a DaemonSet Pod's own node, by field",
    {
      nodes: '{ a: { cpu: "1" }, b: }',
      pod: '{ cpu: "2", spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: metadata.name, operator: In, values: [a] }] }] } } } } }',
    },
    "Insufficient cpu | node(s) didn't satisfy plugin(s) [NodeAffinity]",
  ],
  [
    'preferred node affinity',
    {
      nodes: '{ a: , b: { labels: { rank: "5" } } }',
      pod: '{ spec: { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: [{ key: rank, operator: Gt, values: ["4"] }] } }] } } } }',
    },
    'b',
  ],
  [
    'a host port in use',
    { nodes: '{ a: }', placed: '{ a: [{ hostPort: 80 }] }', pod: '{ hostPort: 80 }' },
    "node(s) didn't have free ports for the requested pod ports",
  ],
  [
    'too little of two resources',
    { nodes: '{ a: { cpu: "1", memory: 1Gi } }', placed: '{ a: [{ cpu: 600m, memory: 600Mi }] }', pod: '{ cpu: 500m, memory: 500Mi }' },
    'Insufficient cpu + Insufficient memory',
  ],
  ['a full node', { nodes: '{ a: { pods: "1" } }', placed: '{ a: [{}] }', pod: '{}' }, 'Too many pods'],
  [
    'an extended resource that no node has',
    { nodes: '{ a: }', pod: '{ spec: { containers: [{ resources: { requests: { example.com/gpu: 1 } } }] } }' },
    'Insufficient example.com/gpu',
  ],
  [
    'an init container that needs more than the rest',
    { nodes: '{ a: { cpu: "1" } }', pod: '{ cpu: 100m, spec: { initContainers: [{ resources: { requests: { cpu: 1100m } } }] } }' },
    'Insufficient cpu',
  ],
  [
    'a sidecar that adds to the rest',
    { nodes: '{ a: { cpu: "1" } }', pod: '{ cpu: 600m, spec: { initContainers: [{ restartPolicy: Always, resources: { requests: { cpu: 500m } } }] } }' },
    'Insufficient cpu',
  ],
  ['overhead', { nodes: '{ a: { cpu: "1" } }', pod: '{ cpu: 600m, spec: { overhead: { cpu: 500m } } }' }, 'Insufficient cpu'],
  ['the emptier node', { nodes: '{ a: , b: }', placed: '{ a: [{ cpu: "2", memory: 4Gi }] }', pod: '{ cpu: 100m }' }, 'b'],
  ['Pods of one controller apart', { nodes: '{ a: { cpu: "8", memory: 16Gi }, b: }', placed: '{ a: [{ owner: rs }] }', pod: '{ owner: rs }' }, 'b'],
  [
    'Pods of one Service apart',
    {
      nodes: '{ a: { cpu: "8", memory: 16Gi }, b: }',
      placed: '{ a: [{ labels: { app: web } }] }',
      services: '[{ app: web }]',
      pod: '{ labels: { app: web } }',
    },
    'b',
  ],
  ['a spread that holds', { nodes: zones, placed: '{ a: [{ labels: { app: web } }] }', pod: `{ labels: { app: web }, spec: { ${spread()} } }` }, 'b'],
  [
    'a spread without a domain left',
    {
      nodes: '{ a: { labels: { zone: z1 } }, b: { labels: { zone: z2 }, cpu: "0" } }',
      placed: '{ a: [{ labels: { app: web } }] }',
      pod: `{ cpu: 1m, labels: { app: web }, spec: { ${spread()} } }`,
    },
    "node(s) didn't match pod topology spread constraints | Insufficient cpu",
  ],
  [
    'a spread over more domains than there are',
    {
      nodes: '{ a: { labels: { zone: z1 } } }',
      placed: '{ a: [{ labels: { app: web } }] }',
      pod: `{ labels: { app: web }, spec: { ${spread(', minDomains: 2')} } }`,
    },
    "node(s) didn't match pod topology spread constraints",
  ],
  [
    'a spread over a label that is missing',
    { nodes: '{ a: }', pod: `{ labels: { app: web }, spec: { ${spread()} } }` },
    "node(s) didn't match pod topology spread constraints (missing required label)",
  ],
  [
    'anti-affinity to a Pod that is there',
    { nodes: '{ a: { labels: { zone: z1 } } }', placed: '{ a: [{ labels: { app: db } }] }', pod: `{ spec: { affinity: ${antiAffinity} } }` },
    "node(s) didn't match pod anti-affinity rules",
  ],
  [
    'anti-affinity of a Pod that is there',
    { nodes: '{ a: { labels: { zone: z1 } } }', placed: `{ a: [{ spec: { affinity: ${antiAffinity} } }] }`, pod: '{ labels: { app: db } }' },
    "node(s) didn't satisfy existing pods anti-affinity rules",
  ],
  [
    'anti-affinity in another namespace',
    { nodes: zones, placed: '{ a: [{ namespace: other, labels: { app: db } }], b: [{ cpu: "3" }] }', pod: `{ spec: { affinity: ${antiAffinity} } }` },
    'a',
  ],
  ['affinity', { nodes: zones, placed: '{ b: [{ labels: { app: db } }] }', pod: `{ spec: { affinity: ${affinity} } }` }, 'b'],
  [
    'affinity to nobody',
    { nodes: zones, pod: `{ spec: { affinity: ${affinity} } }` },
    "node(s) didn't match pod affinity rules | node(s) didn't match pod affinity rules",
  ],
  ['affinity of the first of its kind to itself', { nodes: zones, pod: `{ labels: { app: db }, spec: { affinity: ${affinity} } }` }, 'a'],
]

describe('decide', () => {
  it.each(cases)('%s', (_, world, expected) => expect(outcome(world)).toBe(expected))

  it('looks for as many nodes as upstream does', () => {
    expect([3, 99, 100, 1000, 5000, 10_000].map(nodesToFind)).toEqual([3, 99, 100, 420, 500, 500])
  })
})

describe('unschedulableMessage', () => {
  it("counts reasons in upstream's words", () => {
    const refusals = new Map([
      ['a', { reasons: ['node(s) had untolerated taint(s)'], unresolvable: true }],
      ['b', { reasons: ['Insufficient cpu'], unresolvable: false }],
      ['c', { reasons: ['Insufficient cpu', 'Insufficient memory'], unresolvable: false }],
    ])
    const none = '0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 2 Insufficient cpu.'
    expect(unschedulableMessage(refusals, 3)).toBe(none)
    expect(unschedulableMessage(refusals, 3, 'not eligible due to preemptionPolicy=Never.')).toBe(
      `${none} preemption: not eligible due to preemptionPolicy=Never.`,
    )
    expect(unschedulableMessage(new Map(), 0)).toBe('no nodes available to schedule pods')
  })
})
