import { afterEach, describe, expect, it } from 'vitest'
import type { Pod } from '../../../base/api/generated/types.ts'
import { controllerRevisions, daemonSets, nodes, pods } from '../../../base/api/kinds.ts'
import { startStory, type Story } from '../story.ts'
import { daemonSetController } from './daemonset.ts'
import { nodeOf } from './plan.ts'

const ref = { namespace: 'ops', name: 'agent' }
const template = (image: string, spec: object = {}) => ({
  metadata: { labels: { app: 'agent' } },
  spec: { containers: [{ name: 'c', image, resources: {} }], ...spec },
})
const set = (extra: object = {}) => ({
  metadata: ref,
  spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent:1'), updateStrategy: { type: 'RollingUpdate' }, ...extra },
})

describe('a DaemonSet', () => {
  let story: Story
  afterEach(() => story.stop())
  const start = async (extra: object = {}, hold?: (pod: Pod) => boolean) => {
    story = startStory([daemonSetController])
    for (const name of ['n1', 'n2', 'n3']) await addNode(name)
    await story.client.create(daemonSets, set(extra))
    story.runPods(hold)
    await story.quiet()
  }
  const addNode = (name: string, spec: object = {}) => story.client.create(nodes, { metadata: { name, labels: { disk: name === 'n1' ? 'ssd' : 'hdd' } }, spec })
  const all = async () => (await story.client.list(pods)).items
  const places = async () => (await all()).map((pod) => `${nodeOf(pod)} ${pod.spec.containers[0]?.image}`).toSorted()
  const status = async () => (await story.client.get(daemonSets, ref)).status
  const change = async (spec: object) => {
    await story.client.patch(daemonSets, ref, { spec }, { type: 'merge' })
    await story.quiet()
  }
  const taint = async (name: string, taints: readonly object[]) => {
    await story.client.patch(nodes, { name }, { spec: { taints } }, { type: 'merge' })
    await story.quiet()
  }

  it('runs one Pod on each node, and says so', async () => {
    await start()
    expect(await places()).toEqual(['n1 agent:1', 'n2 agent:1', 'n3 agent:1'])
    expect(await status()).toMatchObject({
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      updatedNumberScheduled: 3,
      numberReady: 3,
      numberAvailable: 3,
      numberMisscheduled: 0,
    })
    const [pod] = await all()
    expect(pod?.spec.tolerations).toContainEqual({ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' })
    expect(await story.events()).toContain(`DaemonSet Normal SuccessfulCreate Created pod: ${pod?.metadata.name}`)
    expect(await story.restart()).toEqual([])
  })

  it('comes to a new node, and leaves with one that goes', async () => {
    await start()
    await addNode('n4')
    await story.quiet()
    expect(await places()).toContain('n4 agent:1')
    await story.client.delete(nodes, { name: 'n1' })
    await story.quiet()
    expect((await places()).map((place) => place.split(' ')[0])).toEqual(['n2', 'n3', 'n4'])
  })

  it('keeps to the nodes that its selector and its tolerations allow', async () => {
    await start({ template: template('agent:1', { nodeSelector: { disk: 'hdd' } }) })
    expect(await places()).toEqual(['n2 agent:1', 'n3 agent:1'])
    await taint('n2', [{ key: 'gpu', effect: 'NoExecute' }])
    expect(await places()).toEqual(['n3 agent:1'])
    await taint('n3', [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }])
    expect(await places()).toEqual(['n3 agent:1'])
  })

  it('lets a Pod stay that could not come any more', async () => {
    await start()
    await taint('n2', [{ key: 'gpu', effect: 'NoSchedule' }])
    expect(await places()).toHaveLength(3)
    expect(await status()).toMatchObject({ desiredNumberScheduled: 2, numberMisscheduled: 1 })
  })

  it('rolls an update, one node at a time', async () => {
    await start({}, (pod) => pod.spec.containers[0]?.image === 'agent:2')
    await change({ template: template('agent:2') })
    expect((await places()).filter((place) => place.endsWith('agent:2'))).toHaveLength(1)
    expect(await status()).toMatchObject({ updatedNumberScheduled: 1, numberUnavailable: 1 })
  })

  it('rolls an update to its end and keeps the history', async () => {
    await start()
    await change({ template: template('agent:2') })
    expect(await places()).toEqual(['n1 agent:2', 'n2 agent:2', 'n3 agent:2'])
    expect((await story.client.list(controllerRevisions)).items.map(({ revision }) => revision)).toEqual([1, 2])
    expect(await story.restart()).toEqual([])
  })

  it('starts the new Pod before the old one goes, with a surge', async () => {
    const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
    await start({ updateStrategy }, (pod) => pod.spec.containers[0]?.image === 'agent:2')
    await change({ template: template('agent:2') })
    expect((await places()).filter((place) => place.endsWith('agent:1'))).toHaveLength(3)
    expect((await places()).filter((place) => place.endsWith('agent:2'))).toHaveLength(1)
  })

  it('replaces only what is deleted, with OnDelete', async () => {
    await start({ updateStrategy: { type: 'OnDelete' } })
    await change({ template: template('agent:2') })
    expect((await places()).filter((place) => place.endsWith('agent:2'))).toEqual([])
    const [pod] = await all()
    await story.client.delete(pods, (pod as Pod).metadata)
    await story.quiet()
    expect((await places()).filter((place) => place.endsWith('agent:2'))).toHaveLength(1)
  })

  it('replaces a failed Pod, and one that fails again only after a while', async () => {
    await start()
    const fail = async () => {
      const pod = (await all()).find((one) => nodeOf(one) === 'n1') as Pod
      await story.client.patch(pods, pod.metadata, { status: { phase: 'Failed' } }, { type: 'merge', subresource: 'status' })
      await story.quiet()
      return pod.metadata.uid
    }
    const first = await fail()
    expect((await all()).map(({ metadata }) => metadata.uid)).not.toContain(first)
    const second = await fail()
    expect((await all()).map(({ metadata }) => metadata.uid)).toContain(second)
    await story.clock.advance(3_000)
    await story.quiet()
    expect((await all()).map(({ metadata }) => metadata.uid)).not.toContain(second)
    expect((await story.events()).find((event) => event.includes('FailedDaemonPod'))).toMatch(
      /Found failed daemon pod ops\/agent-\S+ on node n1, will try to kill it/,
    )
  })
})
