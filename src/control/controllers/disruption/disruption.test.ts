import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PodDisruptionBudgetSpec } from '../../../base/api/generated/types.ts'
import { deployments, podDisruptionBudgets, pods } from '../../../base/api/kinds.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { deploymentController } from '../deployment/deployment.ts'
import { replicaSetController } from '../replicaset/replicaset.ts'
import { startStory, type Story } from '../story.ts'
import { disruptionController } from './disruption.ts'

const web = { namespace: 'shop', name: 'web' }
const labels = { app: 'web' }

describe('a PodDisruptionBudget', () => {
  let story: Story
  beforeEach(async () => {
    story = startStory([disruptionController, deploymentController, replicaSetController])
    story.runPods()
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } }
    await story.client.create(deployments, { metadata: web, spec: { replicas: 3, selector: { matchLabels: labels }, template } as never })
  })
  afterEach(() => story.stop())

  const budget = async (spec: PodDisruptionBudgetSpec) => {
    await story.client.create(podDisruptionBudgets, { metadata: { ...web, generation: 1 }, spec: { selector: { matchLabels: labels }, ...spec } })
    await story.quiet()
  }
  const status = async () => (await story.client.get(podDisruptionBudgets, web)).status
  const counts = async () => {
    const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = await status()
    return [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed]
  }

  it.each([
    [{ minAvailable: 2 }, [3, 2, 3, 1]],
    [{ minAvailable: '50%' }, [3, 2, 3, 1]],
    [{ minAvailable: '100%' }, [3, 3, 3, 0]],
    [{ maxUnavailable: 1 }, [3, 2, 3, 1]],
    [{ maxUnavailable: '34%' }, [3, 1, 3, 2]],
    [{ maxUnavailable: 5 }, [3, 0, 3, 3]],
  ] as const)('of %j counts what is expected, wanted, healthy and allowed', async (spec, wanted) => {
    await budget(spec)
    expect(await counts()).toEqual(wanted)
    const isAllowed = wanted[3] > 0
    expect((await status()).conditions).toMatchObject([
      { type: 'DisruptionAllowed', status: isAllowed ? 'True' : 'False', reason: isAllowed ? 'SufficientPods' : 'InsufficientPods', observedGeneration: 1 },
    ])
    expect(await story.restart()).toEqual([])
  })

  it('follows the scale of its Pods, whatever their number', async () => {
    await budget({ maxUnavailable: '50%' })
    await story.client.patch(deployments, web, { metadata: { generation: 2 }, spec: { replicas: 6 } }, { type: 'merge' })
    await story.quiet()
    expect(await counts()).toEqual([6, 3, 6, 3])
  })

  it('counts an evicted Pod as gone for two minutes, and then as one that was not deleted', async () => {
    await budget({ minAvailable: 1 })
    const [pod] = (await story.client.list(pods)).items
    const disrupted = { [pod!.metadata.name]: stampOf(story.clock.now()) }
    await story.client.patch(podDisruptionBudgets, web, { status: { disruptedPods: disrupted } }, { type: 'merge', subresource: 'status' })
    await story.quiet()
    expect(await counts()).toEqual([3, 1, 2, 1])
    await story.clock.advance(121_000)
    await story.quiet()
    expect(await counts()).toEqual([3, 1, 3, 2])
    expect((await status()).disruptedPods).toBeUndefined()
    expect(await story.events()).toContainEqual("Pod Warning NotDeleted Pod was expected by PDB shop/web to be deleted but it wasn't")
  })

  it('allows nothing where its Pods have a controller without a scale', async () => {
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u', controller: true }]
    await story.client.create(pods, { metadata: { namespace: 'shop', name: 'j', labels, ownerReferences }, spec: { containers: [] } as never })
    await budget({ maxUnavailable: 1 })
    expect(await status()).toMatchObject({
      disruptionsAllowed: 0,
      conditions: [{ status: 'False', reason: 'SyncFailed', message: 'jobs.batch does not implement the scale subresource' }],
    })
  })

  it('that selects nothing says so', async () => {
    await budget({ minAvailable: 1, selector: { matchLabels: { app: 'nobody' } } })
    expect(await counts()).toEqual([0, 1, 0, 0])
    expect(await story.events()).toContainEqual(expect.stringMatching(/^PodDisruptionBudget Normal NoPods No matching pods found/))
  })
})
