import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pods } from '../../../base/api/kinds.ts'
import type { Pod } from '../../../base/api/generated/types.ts'
import { TestCluster, until } from '../test-cluster.ts'
import type { PartProcess } from './part.ts'

const place = { namespace: 'kube-system', name: 'kube-apiserver-node-1' }
const startedAtMs = Date.parse('2026-01-01T00:00:00Z')
let cluster: TestCluster, running: PartProcess | undefined, isHealthy: boolean

beforeEach(async () => {
  running = { id: '10-1', startedAtMs }
  isHealthy = true
  cluster = await TestCluster.start([
    {
      name: 'kube-apiserver',
      node: 'node-1',
      image: 'knarr:1',
      command: ['knarr'],
      labels: { component: 'kube-apiserver' },
      logFile: '/dev/null',
      process: () => running,
      isHealthy: async () => isHealthy,
    },
    {
      name: 'never-started',
      node: 'node-1',
      image: 'knarr:1',
      command: [],
      labels: {},
      logFile: '/dev/null',
      process: () => undefined,
      isHealthy: async () => false,
    },
  ])
  await until('the mirror Pod', async () => (await mirror()).status.phase === 'Running')
})
afterEach(() => cluster.close())

const mirror = () => cluster.client.get<Pod>(pods, place)
const container = async () => (await mirror()).status.containerStatuses?.[0]

describe('mirror Pods', () => {
  it('show a process as upstream shows a static Pod, and none that was never started', async () => {
    expect((await cluster.client.list(pods)).items).toHaveLength(1)
    expect(await mirror()).toMatchObject({
      metadata: {
        annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.mirror': expect.any(String) as string },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', controller: true }],
      },
      spec: { hostNetwork: true, nodeName: 'node-1', priorityClassName: 'system-node-critical' },
      status: { podIP: '192.168.0.1', startTime: '2026-01-01T00:00:00Z', containerStatuses: [{ ready: true, restartCount: 0 }] },
    })
  })

  it('come back a moment after they are deleted; nothing is ended', async () => {
    const { uid } = (await mirror()).metadata
    await cluster.client.delete(pods, place)
    await until('gone', async () => (await cluster.client.list(pods)).items.length === 0)
    await cluster.clock.advance(1_000)
    await until('another one', async () => (await cluster.client.list(pods)).items.some((pod) => pod.metadata.uid !== uid))
    await until('its status', async () => (await container())?.ready === true)
    expect(cluster.runtime.stops).toEqual([])
  })

  it('count restarts, also those that happen while no agent looks', async () => {
    running = { id: '11-2', startedAtMs: startedAtMs + 60_000 }
    await cluster.clock.advance(10_000)
    await until('a restart', async () => (await container())?.restartCount === 1)
    expect(await container()).toMatchObject({ state: { running: { startedAt: '2026-01-01T00:01:00Z' } }, lastState: { terminated: { reason: 'Unknown' } } })
    await cluster.stopAgent()
    running = { id: '12-3', startedAtMs: startedAtMs + 90_000 }
    await cluster.startAgent()
    await until('another restart', async () => (await container())?.restartCount === 2)
  })

  it('are not ready while the process is gone or not well', async () => {
    isHealthy = false
    await cluster.clock.advance(10_000)
    await until('not ready', async () => (await container())?.ready === false)
    expect((await mirror()).status.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady' })
    running = undefined
    await cluster.clock.advance(10_000)
    await until('waiting', async () => (await container())?.state.waiting?.reason === 'CrashLoopBackOff')
  })

  it('of a part that is not known are removed', async () => {
    const annotations = { 'kubernetes.io/config.mirror': 'x' }
    await cluster.client.create<Pod>(pods, {
      metadata: { namespace: 'default', name: 'forged', annotations },
      spec: { nodeName: 'node-1', containers: [{ name: 'a', image: 'a' }] },
    })
    await cluster.clock.advance(10_000)
    await until('gone', async () => (await cluster.client.list(pods, { namespace: 'default' })).items.length === 0)
  })
})
