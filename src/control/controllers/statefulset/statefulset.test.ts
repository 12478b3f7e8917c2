import { afterEach, describe, expect, it } from 'vitest'
import type { Pod, StatefulSet } from '../../../base/api/generated/types.ts'
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '../../../base/api/kinds.ts'
import { setReady, startStory, type Story } from '../story.ts'
import { revisionNameOf } from './identity.ts'
import { statefulSetController } from './statefulset.ts'

const ref = { namespace: 'shop', name: 'db' }
const template = (image: string) => ({ metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'c', image, resources: {} }] } })
const set = (replicas: number, extra: object = {}) => ({
  metadata: ref,
  spec: {
    replicas,
    serviceName: 'db',
    selector: { matchLabels: { app: 'db' } },
    template: template('db:1'),
    updateStrategy: { type: 'RollingUpdate' },
    ...extra,
  },
})
const claimTemplates = { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }] }

describe('a StatefulSet', () => {
  let story: Story
  afterEach(() => story.stop())
  const all = async () => (await story.client.list(pods)).items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const names = async () => (await all()).map((pod) => pod.metadata.name)
  const images = async () => (await all()).map((pod) => `${pod.metadata.name} ${pod.spec.containers[0]?.image}`)
  const status = async () => (await story.client.get(statefulSets, ref)).status
  const change = (spec: object) => story.client.patch(statefulSets, ref, { spec }, { type: 'merge' })
  const podWrites = () => story.client.writes.filter((write) => /^(create|delete) pods /.test(write))
  const ready = async (name: string, isReady = true) => {
    const pod = await story.client.get(pods, { namespace: 'shop', name })
    await setReady(story.client, pod, { isReady, nowMs: story.clock.now() })
    await story.quiet()
  }

  it('makes its Pods one after the other, each when the one before is ready', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(3))
    await story.quiet()
    expect(await names()).toEqual(['db-0'])
    await ready('db-0')
    expect(await names()).toEqual(['db-0', 'db-1'])
    await ready('db-1')
    await ready('db-2')
    expect(await status()).toMatchObject({ replicas: 3, readyReplicas: 3, availableReplicas: 3, currentReplicas: 3, updatedReplicas: 3 })
    expect(await story.events()).toContain('StatefulSet Normal SuccessfulCreate create Pod db-0 in StatefulSet db successful')
    expect(await story.restart()).toEqual([])
  })

  it('gives each Pod its name, hostname, subdomain, index and claims', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(1, { ...claimTemplates, ordinals: { start: 5 } }))
    await story.quiet()
    const [pod] = await all()
    expect(pod?.spec).toMatchObject({ hostname: 'db-5', subdomain: 'db', volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-5' } }] })
    expect(pod?.metadata.labels).toMatchObject({ 'statefulset.kubernetes.io/pod-name': 'db-5', 'apps.kubernetes.io/pod-index': '5' })
    expect((await story.client.list(persistentVolumeClaims)).items.map(({ metadata }) => metadata)).toMatchObject([
      { name: 'data-db-5', labels: { app: 'db' } },
    ])
    expect(await story.events()).toContain('StatefulSet Normal SuccessfulCreate create Claim data-db-5 Pod db-5 in StatefulSet db success')
  })

  it('makes and removes all at once with Parallel', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(3, { podManagementPolicy: 'Parallel' }))
    await story.quiet()
    expect(await names()).toEqual(['db-0', 'db-1', 'db-2'])
    await change({ replicas: 0 })
    await story.quiet()
    expect((await all()).every((pod) => pod.metadata.deletionTimestamp)).toBe(true)
  })

  it('scales down from the highest ordinal, one after the other, and keeps the claims', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(3, claimTemplates))
    story.runPods()
    await story.quiet()
    await change({ replicas: 1 })
    await story.quiet()
    expect(await names()).toEqual(['db-0'])
    expect(podWrites().filter((write) => write.startsWith('delete'))).toEqual(['delete pods shop/db-2', 'delete pods shop/db-1'])
    expect((await story.client.list(persistentVolumeClaims)).items).toHaveLength(3)
  })

  it.each([
    ['Delete on scaling', { whenScaled: 'Delete', whenDeleted: 'Retain' }, [undefined, 'Pod']],
    ['Delete with the set', { whenScaled: 'Retain', whenDeleted: 'Delete' }, ['StatefulSet', 'StatefulSet']],
    ['Delete with either', { whenScaled: 'Delete', whenDeleted: 'Delete' }, ['StatefulSet', 'Pod']],
  ])('lets claims belong to what they go with: %s', async (_, persistentVolumeClaimRetentionPolicy, owners) => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(2, { ...claimTemplates, persistentVolumeClaimRetentionPolicy }))
    story.runPods((pod) => pod.metadata.deletionTimestamp !== undefined)
    await story.quiet()
    await change({ replicas: 1 })
    await story.quiet()
    const claims = (await story.client.list(persistentVolumeClaims)).items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    expect(claims.map(({ metadata }) => metadata.ownerReferences?.[0]?.kind)).toEqual(owners)
  })

  it('rolls an update from the highest ordinal down, and calls it current when all are ready', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(3))
    story.runPods()
    await story.quiet()
    const before = await status()
    await change({ template: template('db:2') })
    await story.quiet()
    expect(podWrites().filter((write) => write.startsWith('delete'))).toEqual(['delete pods shop/db-2', 'delete pods shop/db-1', 'delete pods shop/db-0'])
    expect(await images()).toEqual(['db-0 db:2', 'db-1 db:2', 'db-2 db:2'])
    const after = await status()
    expect(after.currentRevision).toBe(after.updateRevision)
    expect(after.currentRevision).not.toBe(before.currentRevision)
    expect(await story.restart()).toEqual([])
  })

  it('updates down to the partition only, and makes a lost Pod below it anew as it was', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(3, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }))
    story.runPods()
    await story.quiet()
    await change({ template: template('db:2') })
    await story.quiet()
    await story.client.delete(pods, { namespace: 'shop', name: 'db-0' })
    await story.quiet()
    expect(await images()).toEqual(['db-0 db:1', 'db-1 db:1', 'db-2 db:2'])
    expect(await status()).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 })
  })

  it('takes down as many at once as maxUnavailable lets it', async () => {
    story = startStory([statefulSetController])
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } }
    await story.client.create(statefulSets, set(4, { updateStrategy, podManagementPolicy: 'Parallel' }))
    story.runPods((pod) => pod.spec.containers[0]?.image === 'db:2')
    await story.quiet()
    await change({ template: template('db:2') })
    await story.quiet()
    expect(await images()).toEqual(['db-0 db:1', 'db-1 db:1', 'db-2 db:2', 'db-3 db:2'])
  })

  it('leaves updates to whoever deletes, with OnDelete', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(2, { updateStrategy: { type: 'OnDelete' } }))
    story.runPods()
    await story.quiet()
    await change({ template: template('db:2') })
    await story.quiet()
    await story.client.delete(pods, { namespace: 'shop', name: 'db-1' })
    await story.quiet()
    expect(await images()).toEqual(['db-0 db:1', 'db-1 db:2'])
  })

  it('keeps revisions to roll back to, brings an old one forward, and forgets those beyond the limit', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(1, { revisionHistoryLimit: 2 }))
    story.runPods()
    for (const image of ['db:2', 'db:3', 'db:4', 'db:2']) {
      await story.quiet()
      await change({ template: template(image) })
    }
    await story.quiet()
    const kept = (await story.client.list(controllerRevisions)).items.toSorted((a, b) => a.revision - b.revision)
    expect(kept.map(({ revision }) => revision)).toEqual([3, 4, 5])
    expect((await all()).map(revisionNameOf)).toEqual([kept.at(-1)?.metadata.name])
  })

  it('makes a failed Pod anew and says so', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(1))
    story.runPods()
    await story.quiet()
    const [old] = await all()
    await story.client.patch(pods, (old as Pod).metadata, { status: { phase: 'Failed' } }, { type: 'merge', subresource: 'status' })
    await story.quiet()
    expect((await all())[0]?.metadata.uid).not.toBe(old?.metadata.uid)
    expect(await story.events()).toContain('StatefulSet Warning RecreatingFailedPod StatefulSet shop/db is recreating failed Pod db-0')
  })

  it('waits for minReadySeconds before the next', async () => {
    story = startStory([statefulSetController])
    await story.client.create(statefulSets, set(2, { minReadySeconds: 10 }))
    story.runPods()
    await story.quiet()
    expect(await names()).toEqual(['db-0'])
    await story.clock.advance(11_000)
    await story.quiet()
    expect(await names()).toEqual(['db-0', 'db-1'])
  })

  it('works without a serviceName', async () => {
    story = startStory([statefulSetController])
    const { serviceName: _, ...spec } = set(1).spec
    await story.client.create(statefulSets, { metadata: ref, spec } as unknown as StatefulSet)
    await story.quiet()
    expect((await all())[0]?.spec.subdomain).toBeUndefined()
  })
})
