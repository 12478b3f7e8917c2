import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Pod } from '../../base/api/generated/types.ts'
import { events, nodes, podDisruptionBudgets, pods } from '../../base/api/kinds.ts'
import type { Draft } from '../../base/api/object.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { StatusError } from '../../base/machinery/status-error.ts'
import { startScheduler } from './scheduler.ts'

let clock: FakeClock
let client: FakeClient
let control: AbortController

beforeEach(() => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  control = new AbortController()
})
afterEach(() => control.abort())

const start = () => startScheduler({ client, clock, log: silentLog, signal: control.signal, random: () => 0 }).synced
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await clock.advance(0)
}
const addNode = (name: string, cpu = '2') =>
  client.create(nodes, { metadata: { name }, spec: {}, status: { allocatable: { cpu, memory: '4Gi', pods: '110' } } })
const addPod = (name: string, cpu: string, spec: Draft<Pod['spec']> = {}) =>
  client.create(pods, {
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec } as Draft<Pod['spec']>,
  })
const nodeOf = async (name: string) => (await client.get(pods, { namespace: 'default', name })).spec.nodeName
const said = async () => (await client.list(events)).items.map(({ reason, message }) => `${reason}: ${message}`)

describe('scheduler', () => {
  it('places a burst without waiting for the informer, counting what it assumed', async () => {
    await addNode('a')
    await addNode('b')
    for (let index = 0; index < 5; index++) await addPod(`p${index}`, '900m')
    await start()
    await settle()
    const placed = await Promise.all([0, 1, 2, 3, 4].map((index) => nodeOf(`p${index}`)))
    expect(placed.filter((node) => node === 'a')).toHaveLength(2)
    expect(placed.filter((node) => node === 'b')).toHaveLength(2)
    expect(placed.filter((node) => node === undefined)).toHaveLength(1)
    expect(await said()).toContain('Scheduled: Successfully assigned default/p0 to a')
  })

  it('says why a Pod waits, once, and places it when a node comes', async () => {
    await addNode('a', '500m')
    await start()
    await addPod('big', '1')
    await settle()
    const message = '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.'
    const { status } = await client.get(pods, { namespace: 'default', name: 'big' })
    expect(status.conditions).toMatchObject([{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }])
    expect(await said()).toEqual([`FailedScheduling: ${message}`])
    await addNode('b')
    await settle()
    expect(await nodeOf('big')).toBeUndefined()
    await clock.advance(1_000)
    await settle()
    expect(await nodeOf('big')).toBe('b')
  })

  it('gives the room of a Pod that ended to the more important of two that wait', async () => {
    await addNode('a', '1')
    await start()
    await addPod('first', '1')
    await settle()
    await addPod('low', '1')
    await addPod('high', '1', { priority: 100 })
    await settle()
    const first = await client.get(pods, { namespace: 'default', name: 'first' })
    await clock.advance(20_000)
    await client.update(pods, { ...first, status: { phase: 'Succeeded' } }, { subresource: 'status' })
    await settle()
    expect([await nodeOf('high'), await nodeOf('low')]).toEqual(['a', undefined])
  })

  it('leaves alone what is not its own: other schedulers, gated and ending Pods', async () => {
    await addNode('a')
    await start()
    await addPod('other', '1m', { schedulerName: 'mine' })
    await addPod('gated', '1m', { schedulingGates: [{ name: 'wait' }] })
    await settle()
    expect([await nodeOf('other'), await nodeOf('gated')]).toEqual([undefined, undefined])
    expect(await said()).toEqual([])
  })

  it('tries again with growing pauses when a binding is refused, and frees the assumed room', async () => {
    await addNode('a', '1')
    let refusals = 0
    const bind = client.createSubresource.bind(client)
    client.createSubresource = async (...args) => {
      if (refusals++ < 2) throw new StatusError('ServiceUnavailable', 'not now')
      return bind(...args) as never
    }
    await start()
    await addPod('p', '1')
    await settle()
    await clock.advance(1_000)
    await settle()
    expect(await nodeOf('p')).toBeUndefined()
    await clock.advance(2_000)
    await settle()
    expect(await nodeOf('p')).toBe('a')
  })

  const placedPod = async (name: string, spec: Draft<Pod['spec']>, labels: Record<string, string> = {}) => {
    const pod = await addPod(name, '1', spec)
    await client.update(pods, { ...pod, metadata: { ...pod.metadata, labels } })
  }
  const waitsOn = async (name: string) => (await client.get(pods, { namespace: 'default', name })).status.nominatedNodeName

  it('ends a Pod of lower priority for one of higher, and keeps its room from others until then', async () => {
    await addNode('a', '1')
    await start()
    await addPod('low', '1', { priority: 1 })
    await settle()
    await addPod('high', '1', { priority: 100 })
    await addPod('middle', '1', { priority: 50 })
    await settle()
    const low = await client.get(pods, { namespace: 'default', name: 'low' })
    expect(low.metadata.deletionTimestamp).toBeDefined()
    expect(low.status.conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message: 'default-scheduler: preempting to accommodate a higher priority pod',
      }),
    )
    expect([await waitsOn('high'), await waitsOn('middle')]).toEqual(['a', undefined])
    const { uid } = (await client.get(pods, { namespace: 'default', name: 'high' })).metadata
    expect(await said()).toContain(`Preempted: Preempted by pod ${uid} on node a`)
    expect(await said()).toContain('FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu.')
    await client.delete(pods, { namespace: 'default', name: 'low' }, { gracePeriodSeconds: 0 })
    await settle()
    await clock.advance(20_000)
    await settle()
    expect([await nodeOf('high'), await nodeOf('middle')]).toEqual(['a', undefined])
  })

  it('pushes nobody out for a Pod that must not, and none of the same priority', async () => {
    await addNode('a', '1')
    await start()
    await addPod('first', '1', { priority: 5 })
    await settle()
    await addPod('polite', '1', { priority: 100, preemptionPolicy: 'Never' })
    await addPod('equal', '1', { priority: 5 })
    await settle()
    const none = 'FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu. preemption:'
    expect(await said()).toEqual(
      expect.arrayContaining([
        `${none} not eligible due to preemptionPolicy=Never.`,
        `${none} 0/1 nodes are available: 1 No preemption victims found for incoming pod.`,
      ]),
    )
    expect(await nodeOf('first')).toBe('a')
  })

  it('rather ends Pods that no disruption budget needs', async () => {
    await addNode('a', '1')
    await addNode('b', '1')
    await placedPod('guarded', { nodeName: 'a' }, { app: 'db' })
    await placedPod('free', { nodeName: 'b', priority: 9 })
    await client.create(podDisruptionBudgets, {
      metadata: { namespace: 'default', name: 'db' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'db' } } },
      status: { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
    })
    await start()
    await addPod('high', '1', { priority: 100 })
    await settle()
    const ending = (await client.list(pods)).items.filter(({ metadata }) => metadata.deletionTimestamp)
    expect(ending.map(({ metadata }) => metadata.name)).toEqual(['free'])
  })
})
