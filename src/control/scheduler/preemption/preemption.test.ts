import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Node, Pod, PodDisruptionBudget } from '../../../base/api/generated/types.ts'
import { decide } from '../cycle.ts'
import { plugins } from '../plugins/index.ts'
import { podInfoOf, SchedulerCache } from '../snapshot.ts'
import { findPreemption } from './preemption.ts'

interface Brief {
  readonly cpu?: string
  readonly priority?: number
  readonly app?: string
  readonly started?: string
  readonly spec?: object
}

const pod = (name: string, { cpu = '1', priority, app, started, spec }: Brief, nodeName?: string): Pod =>
  ({
    metadata: { name, namespace: 'default', uid: name, labels: app ? { app } : {} },
    spec: { nodeName, priority, containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec },
    status: { startTime: started ? `2026-01-01T${started}:00Z` : undefined },
  }) as unknown as Pod

const node = (name: string, cpu: string): Node =>
  ({ metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: {}, status: { allocatable: { cpu, pods: '110' } } }) as unknown as Node

/** `node (cpu): Pods on it`; the Pod wants room, `budgets` allow so many disruptions by the label `app`. */
const outcome = (world: { placed: string; pod: string; budgets?: string }): string => {
  const cache = new SchedulerCache({
    servicesOf: () => [],
    labelsOfNamespace: () => ({}),
    storage: { claim: () => undefined, volume: () => undefined, volumes: () => [], class: () => undefined },
  })
  for (const [key, pods] of Object.entries(parse(world.placed) as Record<string, Record<string, Brief>>)) {
    const [name = '', cpu = '2'] = key.split('/')
    cache.setNode(node(name, cpu))
    for (const [id, brief] of Object.entries(pods)) cache.setPod(pod(id, brief, name))
  }
  const budgets = Object.entries(parse(world.budgets ?? '{}') as Record<string, number>).map(
    ([app, disruptionsAllowed]) =>
      ({ metadata: { namespace: 'default' }, spec: { selector: { matchLabels: { app } } }, status: { disruptionsAllowed } }) as unknown as PodDisruptionBudget,
  )
  const info = podInfoOf(pod('new', parse(world.pod) as Brief))
  const decision = decide(info, cache.snapshot(), { plugins })
  if ('node' in decision) return `fits on ${decision.node}`
  const found = findPreemption(info, cache.snapshot(), { plugins, budgets, refusals: decision.refusals, random: () => 0 })
  return 'victims' in found ? `${found.node}: ${found.victims.map(({ key }) => key.split('/')[1]).join(' ')}` : found.message
}

const spread =
  '{ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: web } } }] } }'

describe('findPreemption', () => {
  it.each([
    [
      'takes as few as it must, the least important',
      { placed: 'a/3: { x: { priority: 1 }, y: { priority: 2 }, z: { priority: 3 } }', pod: '{ priority: 9 }' },
      'a: x',
    ],
    ['spares those that have run longer', { placed: 'a/2: { old: { started: "10:00" }, young: { started: "11:00" } }', pod: '{ priority: 9 }' }, 'a: young'],
    ['goes where the highest victim is lowest', { placed: '{ a/1: { x: { priority: 5 } }, b/1: { y: { priority: 2 } } }', pod: '{ priority: 9 }' }, 'b: y'],
    [
      'goes where the sum is lowest',
      { placed: '{ a/2: { x: { priority: 5 }, y: { priority: 5 } }, b/2: { z: { cpu: "2", priority: 5 } } }', pod: '{ cpu: "2", priority: 9 }' },
      'b: z',
    ],
    ['goes where the victims are young', { placed: '{ a/1: { x: { started: "10:00" } }, b/1: { y: { started: "11:00" } } }', pod: '{ priority: 9 }' }, 'b: y'],
    ['goes where no budget breaks', { placed: '{ a/1: { x: { app: db } }, b/1: { y: { priority: 8 } } }', budgets: 'db: 0', pod: '{ priority: 9 }' }, 'b: y'],
    ['breaks a budget where it must', { placed: 'a/1: { x: { app: db } }', budgets: 'db: 0', pod: '{ priority: 9 }' }, 'a: x'],
    [
      'counts what a budget allows',
      { placed: '{ a/2: { x: { app: db }, y: { app: db } }, b/2: { z: { cpu: "2", priority: 8 } } }', budgets: 'db: 1', pod: '{ cpu: "2", priority: 9 }' },
      'b: z',
    ],
    ['removes who keeps it away by affinity', { placed: 'a/4: { x: { app: web }, y: {} }', pod: `{ priority: 9, spec: { affinity: ${spread} } }` }, 'a: x'],
    [
      'finds none of lower priority',
      { placed: 'a/1: { x: { priority: 9 } }', pod: '{ priority: 9 }' },
      '0/1 nodes are available: 1 No preemption victims found for incoming pod.',
    ],
    [
      'says where it would not help',
      { placed: '{ a/1: { x: {} }, b/1: { y: { priority: 9 } } }', pod: '{ cpu: "2", priority: 9 }' },
      '0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
    ],
    [
      'says what stands against it still',
      { placed: 'a/2: { x: {}, y: { priority: 9 } }', pod: '{ cpu: "2", priority: 9 }' },
      '0/1 nodes are available: 1 Insufficient cpu.',
    ],
    [
      'leaves others alone if told to',
      { placed: 'a/1: { x: {} }', pod: '{ priority: 9, spec: { preemptionPolicy: Never } }' },
      'not eligible due to preemptionPolicy=Never.',
    ],
  ])('%s', (_, world, expected) => expect(outcome(world)).toBe(expected))
})
