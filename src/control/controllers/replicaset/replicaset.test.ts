import { afterEach, describe, expect, it } from 'vitest'
import type { Pod } from '../../../base/api/generated/types.ts'
import { pods, replicaSets, replicationControllers } from '../../../base/api/kinds.ts'
import { setReady, startStory, type Story } from '../story.ts'
import { deletionOrder } from './rank.ts'
import { replicaSetController } from './replicaset.ts'
import { replicationController } from './replication-controller.ts'

const rs = (replicas: number, extra: object = {}) => ({
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', resources: {} }] } },
    ...extra,
  },
})

describe('a ReplicaSet', () => {
  let story: Story
  afterEach(() => story.stop())
  const allPods = async () => (await story.client.list(pods)).items
  const status = async () => (await story.client.get(replicaSets, { namespace: 'shop', name: 'web' })).status

  it('makes each missing Pod once though many changes come while it works, and says so', async () => {
    story = startStory([replicaSetController])
    await story.client.create(replicaSets, rs(20))
    story.runPods()
    await story.quiet()
    expect(await allPods()).toHaveLength(20)
    expect(story.client.writes.filter((write) => write.startsWith('create pods'))).toHaveLength(20)
    expect(await status()).toMatchObject({ replicas: 20, fullyLabeledReplicas: 20, readyReplicas: 20, availableReplicas: 20, observedGeneration: 1 })
    const [pod] = await allPods()
    expect(await story.events()).toContain(`ReplicaSet Normal SuccessfulCreate Created pod: ${pod?.metadata.name}`)
    expect(await story.restart()).toEqual([])
  })

  it('replaces what was deleted or failed, releases what no longer matches, adopts what does', async () => {
    story = startStory([replicaSetController])
    await story.client.create(pods, { metadata: { name: 'stray', namespace: 'shop', labels: { app: 'web' } }, spec: { containers: [] } })
    await story.client.create(replicaSets, rs(3))
    story.runPods()
    await story.quiet()
    expect((await allPods()).map((pod) => pod.metadata.ownerReferences?.[0]?.name)).toEqual(['web', 'web', 'web'])
    const [a, b] = (await allPods()).filter((pod) => pod.metadata.name !== 'stray')
    await story.client.patch(pods, a?.metadata ?? rs(0).metadata, { metadata: { labels: { app: 'other' } } }, { type: 'merge' })
    await story.client.delete(pods, b?.metadata ?? rs(0).metadata)
    await story.quiet()
    const released = await story.client.get(pods, a?.metadata ?? rs(0).metadata)
    expect(released.metadata.ownerReferences).toBeUndefined()
    expect((await allPods()).filter((pod) => pod.metadata.labels?.['app'] === 'web')).toHaveLength(3)
  })

  it('counts a Pod as available only after minReadySeconds', async () => {
    story = startStory([replicaSetController])
    await story.client.create(replicaSets, rs(1, { minReadySeconds: 10 }))
    story.runPods()
    await story.quiet()
    expect(await status()).toMatchObject({ readyReplicas: 1 })
    expect((await status()).availableReplicas).toBeUndefined()
    await story.clock.advance(10_100)
    expect(await status()).toMatchObject({ availableReplicas: 1 })
  })

  it('scales down the Pods that are worth least', async () => {
    story = startStory([replicaSetController])
    await story.client.create(replicaSets, rs(3))
    story.runPods()
    await story.quiet()
    const [, second] = await allPods()
    await setReady(story.client, second as Pod, { isReady: false, nowMs: story.clock.now() })
    await story.quiet()
    await story.client.patch(replicaSets, { namespace: 'shop', name: 'web' }, { spec: { replicas: 2 } }, { type: 'merge' })
    await story.quiet()
    expect((await allPods()).map((pod) => pod.metadata.name)).not.toContain(second?.metadata.name)
    expect(await story.events()).toContain(`ReplicaSet Normal SuccessfulDelete Deleted pod: ${second?.metadata.name}`)
  })
})

describe('a ReplicationController', () => {
  it('keeps its Pods as a ReplicaSet does, by a plain selector', async () => {
    const story = startStory([replicationController])
    const ref = { namespace: 'shop', name: 'old' }
    const template = { metadata: { labels: { app: 'old' } }, spec: { containers: [{ name: 'c', resources: {} }] } }
    await story.client.create(replicationControllers, { metadata: ref, spec: { replicas: 2, selector: { app: 'old' }, template } })
    story.runPods()
    await story.quiet()
    expect((await story.client.list(pods)).items.map((pod) => pod.metadata.ownerReferences?.[0]?.kind)).toEqual([
      'ReplicationController',
      'ReplicationController',
    ])
    expect((await story.client.get(replicationControllers, ref)).status).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      observedGeneration: 1,
    })
    expect(await story.restart()).toEqual([])
    story.stop()
  })
})

describe('the order of deletion', () => {
  const now = Date.UTC(2026, 0, 2)
  const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString()
  const pod = (
    name: string,
    {
      node = 'n',
      phase = 'Running',
      readyFor = 100,
      cost = 0,
      restarts = 0,
      age = 1000,
    }: { node?: string; phase?: string; readyFor?: number; cost?: number; restarts?: number; age?: number } = {},
  ): Pod =>
    ({
      metadata: { name, uid: name, creationTimestamp: ago(age), annotations: { 'controller.kubernetes.io/pod-deletion-cost': String(cost) } },
      spec: { nodeName: node },
      status: {
        phase,
        conditions: readyFor > 0 ? [{ type: 'Ready', status: 'True', lastTransitionTime: ago(readyFor) }] : [],
        containerStatuses: [{ restartCount: restarts }],
      },
    }) as unknown as Pod

  it.each([
    ['unassigned', pod('x', { node: '' }), pod('a')],
    ['pending', pod('x', { phase: 'Pending' }), pod('a')],
    ['not ready', pod('x', { readyFor: 0 }), pod('a')],
    ['cheaper to delete', pod('x', { cost: -1 }), pod('a')],
    ['ready for less long', pod('x', { readyFor: 10 }), pod('a')],
    ['restarted more often', pod('x', { restarts: 3 }), pod('a')],
    ['younger', pod('x', { age: 400 }), pod('a')],
  ])('puts %s first', (_what, first, second) => {
    expect(deletionOrder([second, first], now).map(({ metadata }) => metadata.name)).toEqual(['x', 'a'])
  })

  it('puts those that share a node first', () => {
    expect(deletionOrder([pod('a', { node: 'n1' }), pod('x', { node: 'n2' }), pod('y', { node: 'n2' })], now).map(({ metadata }) => metadata.name)).toEqual([
      'x',
      'y',
      'a',
    ])
  })
})
