import { afterEach, describe, expect, it } from 'vitest'
import { leases, nodes, pods } from '../../../base/api/kinds.ts'
import { microStampOf } from '../../../base/client/stamp.ts'
import { nodeIpamController } from '../node-ipam/node-ipam.ts'
import { podGarbageCollector } from '../pod-gc/pod-gc.ts'
import { setReady, startStory, type Story } from '../story.ts'
import { taintEvictionController } from '../taint-eviction/taint-eviction.ts'
import { nodeLifecycleController } from './node-lifecycle.ts'

const lease = { namespace: 'kube-node-lease', name: 'n1' }

describe('a node', () => {
  let story: Story
  afterEach(() => story.stop())

  const begin = async () => {
    story = startStory([nodeLifecycleController, taintEvictionController, nodeIpamController, podGarbageCollector])
    await story.client.create(nodes, { metadata: { name: 'n1' }, spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] } })
    await story.client.create(leases, { metadata: lease, spec: { renewTime: microStampOf(story.clock.now()) } })
    await report('True')
    await story.quiet()
  }
  const report = (status: string) =>
    story.client.patch(
      nodes,
      { name: 'n1' },
      { status: { conditions: [{ type: 'Ready', status, reason: 'KubeletReady' }] } },
      { type: 'merge', subresource: 'status' },
    )
  const renew = () => story.client.patch(leases, lease, { spec: { renewTime: microStampOf(story.clock.now()) } }, { type: 'merge' })
  const node = () => story.client.get(nodes, { name: 'n1' })
  const taints = async () => ((await node()).spec.taints ?? []).map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`)
  const ready = async () => (await node()).status.conditions?.find((condition) => condition.type === 'Ready')
  const runPod = async (name: string, tolerations: readonly object[] = []) => {
    const pod = await story.client.create(pods, { metadata: { name, namespace: 'shop' }, spec: { nodeName: 'n1', containers: [], tolerations } as never })
    await setReady(story.client, pod, { isReady: true, podIP: '10.42.0.9', nowMs: story.clock.now() })
  }

  it('gets its range of Pod addresses and loses the first taint when it is Ready', async () => {
    await begin()
    expect((await node()).spec).toMatchObject({ podCIDR: '10.42.0.0/24', podCIDRs: ['10.42.0.0/24'] })
    expect(await taints()).toEqual([])
    for (const name of ['n2', 'n3']) await story.client.create(nodes, { metadata: { name }, spec: {} })
    await story.quiet()
    expect((await story.client.list(nodes)).items.map(({ spec }) => spec.podCIDR)).toEqual(['10.42.0.0/24', '10.42.1.0/24', '10.42.2.0/24'])
    expect(await story.events()).toContain('Node Normal RegisteredNode Node n1 event: Registered Node n1 in Controller')
  })

  it('stays Ready as long as its lease is renewed; silent for the grace period it becomes Unknown, its Pods not ready, and both taints come', async () => {
    await begin()
    await runPod('a', [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }])
    for (let i = 0; i < 6; i++) {
      await story.clock.advance(10_000)
      await renew()
    }
    expect(await ready()).toMatchObject({ status: 'True' })
    await story.clock.advance(50_000)
    expect(await ready()).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' })
    expect(await taints()).toEqual(['unreachable:NoSchedule', 'unreachable:NoExecute'])
    expect((await story.client.get(pods, { namespace: 'shop', name: 'a' })).status.conditions).toMatchObject([{ type: 'Ready', status: 'False' }])
    expect(await story.events()).toContain('Node Normal NodeNotReady Node n1 status is now: NodeNotReady')
    await story.clock.advance(290_000)
    expect((await story.client.get(pods, { namespace: 'shop', name: 'a' })).metadata.deletionTimestamp).toBeUndefined()
    await story.clock.advance(15_000)
    const evicted = await story.client.get(pods, { namespace: 'shop', name: 'a' })
    expect(evicted.metadata.deletionTimestamp).toBeDefined()
    expect(evicted.status.conditions?.at(-1)).toMatchObject({ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' })
    expect(await story.events()).toContain('Pod Normal TaintManagerEviction Marking for deletion Pod shop/a')
  })

  it('that comes back in time keeps its Pods', async () => {
    await begin()
    await runPod('a', [{ operator: 'Exists', tolerationSeconds: 300 }])
    await runPod('daemon', [{ operator: 'Exists' }])
    await story.clock.advance(100_000)
    expect(await taints()).toHaveLength(2)
    await report('True')
    await renew()
    await story.clock.advance(1000)
    expect(await taints()).toEqual([])
    expect(await story.events()).toContain('Pod Normal TaintManagerEviction Cancelling deletion of Pod shop/a')
    for (let i = 0; i < 40; i++) {
      await story.clock.advance(10_000)
      await renew()
    }
    expect((await story.client.list(pods)).items.map((pod) => pod.metadata.deletionTimestamp)).toEqual([undefined, undefined])
  })

  it('is not blamed for the time that the controller itself slept', async () => {
    await begin()
    const { clock } = story
    const monotonic = clock.monotonic.bind(clock)
    let sleptMs = 0
    clock.monotonic = () => monotonic() + sleptMs
    sleptMs = 3_600_000
    await clock.advance(20_000)
    expect(await ready()).toMatchObject({ status: 'True' })
    await clock.advance(30_000)
    expect(await ready()).toMatchObject({ status: 'Unknown' })
  })

  it('that is gone takes its Pods along, and Pods without a node that terminate go at once', async () => {
    await begin()
    await runPod('a')
    await story.client.create(pods, { metadata: { name: 'pending', namespace: 'shop', finalizers: ['test/hold'] }, spec: { containers: [] } })
    await story.client.delete(pods, { namespace: 'shop', name: 'pending' })
    await story.client.delete(nodes, { name: 'n1' })
    await story.clock.advance(30_000)
    expect((await story.client.list(pods)).items.map((pod) => pod.metadata.name)).toEqual(['a', 'pending'])
    await story.clock.advance(40_000)
    expect((await story.client.list(pods)).items.map((pod) => pod.metadata.name)).toEqual(['pending'])
  })
})
