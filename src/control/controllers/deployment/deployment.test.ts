import { afterEach, describe, expect, it } from 'vitest'
import type { Deployment, ReplicaSet } from '../../../base/api/generated/types.ts'
import { deployments, pods, replicaSets } from '../../../base/api/kinds.ts'
import type { Draft } from '../../../base/api/object.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { startStory, type Story } from '../story.ts'
import { deploymentController } from './deployment.ts'

const web = { namespace: 'shop', name: 'web' }

const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image, resources: {} }] } })

const webDeployment = (spec: Draft<Deployment['spec']> = {}): Draft<Deployment> => ({
  metadata: web,
  spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template('web:1'), strategy: { type: 'RollingUpdate' }, ...spec } as Draft<
    Deployment['spec']
  >,
})

describe('a Deployment', () => {
  let story: Story
  afterEach(() => story.stop())

  const begin = (spec?: Draft<Deployment['spec']>) => {
    story = startStory([deploymentController, replicaSetController])
    return story.client.create(deployments, webDeployment(spec))
  }
  const change = (spec: object) => story.client.patch(deployments, web, { spec }, { type: 'merge' })
  const sets = async (): Promise<readonly ReplicaSet[]> => (await story.client.list(replicaSets)).items
  const sizes = async () => Object.fromEntries((await sets()).map((rs) => [rs.spec.template.spec.containers[0]?.image, rs.spec.replicas]))
  const condition = async (type: string) => (await story.client.get(deployments, web)).status.conditions?.find((found) => found.type === type)

  it('becomes a ReplicaSet and Pods, says so, and rests', async () => {
    await begin()
    story.runPods()
    await story.quiet()
    const [rs] = await sets()
    expect(rs?.metadata).toMatchObject({
      name: expect.stringMatching(/^web-[bcdfghjklmnpqrstvwxz2456789]{1,10}$/) as string,
      annotations: { 'deployment.kubernetes.io/revision': '1', 'deployment.kubernetes.io/desired-replicas': '3', 'deployment.kubernetes.io/max-replicas': '4' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', controller: true, blockOwnerDeletion: true }],
    })
    const hash = rs?.metadata.labels?.['pod-template-hash']
    expect(rs?.spec.selector?.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash })
    expect((await story.client.list(pods)).items.map((pod) => pod.metadata.labels)).toEqual(
      Array.from({ length: 3 }, () => ({ app: 'web', 'pod-template-hash': hash })),
    )
    const d = await story.client.get(deployments, web)
    expect(d.metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' })
    expect(d.status).toMatchObject({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 })
    expect(d.status.unavailableReplicas).toBeUndefined()
    expect(await condition('Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' })
    expect(await condition('Progressing')).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${rs?.metadata.name}" has successfully progressed.`,
    })
    expect(await story.events()).toContain(`Deployment Normal ScalingReplicaSet Scaled up replica set ${rs?.metadata.name} from 0 to 3`)
    expect(await story.restart()).toEqual([])
  })

  it('rolls a new template out without falling below its minimum, and back again to the first revision', async () => {
    await begin()
    story.runPods()
    await story.quiet()
    const before = story.client.store.log.length
    await change({ template: template('web:2') })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 0, 'web:2': 3 })
    const totals = story.client.store.log
      .slice(before)
      .flatMap(({ event }) => (event.object.kind === 'Deployment' ? [(event.object as Deployment).status.availableReplicas ?? 0] : []))
    expect(Math.min(...totals)).toBeGreaterThanOrEqual(3)
    expect((await story.client.get(deployments, web)).metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' })
    await change({ template: template('web:1') })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 3, 'web:2': 0 })
    const first = (await sets()).find((rs) => rs.spec.replicas === 3)
    expect(first?.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' })
    expect(await story.restart()).toEqual([])
  })

  it('stops a rollout whose Pods do not become ready within its budget, and says when the deadline passed', async () => {
    await begin({ progressDeadlineSeconds: 60 })
    story.runPods((pod) => pod.spec.containers[0]?.image === 'web:2' && pod.metadata.deletionTimestamp === undefined)
    await story.quiet()
    await change({ template: template('web:2') })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 3, 'web:2': 1 })
    expect(await condition('Progressing')).toMatchObject({ reason: 'ReplicaSetUpdated' })
    await story.clock.advance(62_000)
    expect(await condition('Progressing')).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: expect.stringContaining('has timed out progressing.') as string,
    })
    expect(await condition('Available')).toMatchObject({ status: 'True' })
  })

  it('with Recreate lets no new Pod come before the last old one is gone', async () => {
    await begin({ strategy: { type: 'Recreate' } })
    story.runPods((pod) => pod.metadata.deletionTimestamp !== undefined && pod.metadata.finalizers !== undefined)
    await story.quiet()
    const [one] = (await story.client.list(pods)).items
    await story.client.patch(pods, one?.metadata ?? web, { metadata: { finalizers: ['test/hold'] } }, { type: 'merge' })
    await change({ template: template('web:2') })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 0 })
    await story.client.patch(pods, one?.metadata ?? web, { metadata: { finalizers: null } }, { type: 'merge' })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 0, 'web:2': 3 })
  })

  it('keeps still while paused but for its size, and says so', async () => {
    await begin()
    story.runPods()
    await story.quiet()
    await change({ paused: true, template: template('web:2'), replicas: 5 })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 5 })
    expect(await condition('Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' })
    await change({ paused: false })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 0, 'web:2': 5 })
  })

  it('spreads a change of size over the sets of a rollout that is under way', async () => {
    await begin({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } })
    story.runPods((pod) => pod.spec.containers[0]?.image === 'web:2')
    await story.quiet()
    await change({ template: template('web:2') })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 8, 'web:2': 5 })
    await change({ replicas: 15 })
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:1': 11, 'web:2': 7 })
  })

  it('keeps as many old ReplicaSets as its history limit says', async () => {
    await begin({ revisionHistoryLimit: 1 })
    story.runPods()
    for (const image of ['web:2', 'web:3', 'web:4']) {
      await story.quiet()
      await change({ template: template(image) })
    }
    await story.quiet()
    expect(await sizes()).toEqual({ 'web:3': 0, 'web:4': 3 })
  })

  it('adopts a ReplicaSet that fits, and shows why Pods cannot be made', async () => {
    await begin()
    story.client.refuse = (verb, kind) => {
      if (verb === 'create' && kind === pods) throw new Error('exceeded quota')
    }
    await story.quiet().catch(() => undefined)
    expect(await condition('ReplicaFailure')).toMatchObject({ status: 'True', reason: 'FailedCreate', message: 'exceeded quota' })
    const [rs] = await sets()
    story.client.refuse = () => undefined
    await story.client.patch(replicaSets, rs?.metadata ?? web, { metadata: { ownerReferences: null } }, { type: 'merge' })
    story.runPods()
    await story.clock.advance(31_000)
    await story.quiet()
    expect((await sets())[0]?.metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', name: 'web' }])
    expect(await condition('ReplicaFailure')).toBeUndefined()
    expect((await story.client.list(pods)).items).toHaveLength(3)
  })
})
