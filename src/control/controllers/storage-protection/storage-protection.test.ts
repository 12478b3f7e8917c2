import { afterEach, describe, expect, it } from 'vitest'
import { persistentVolumeClaims, persistentVolumes, pods } from '../../../base/api/kinds.ts'
import { startStory, type Story } from '../story.ts'
import { claimProtectionController, volumeProtectionController } from './storage-protection.ts'

const ref = { namespace: 'shop', name: 'data' }

describe('what is in use', () => {
  let story: Story
  afterEach(() => story.stop())
  const claims = async () => (await story.client.list(persistentVolumeClaims)).items.map(({ metadata }) => metadata.finalizers)

  it('keeps a claim while a Pod on a node mounts it', async () => {
    story = startStory([claimProtectionController])
    await story.client.create(persistentVolumeClaims, { metadata: ref, spec: {} })
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }]
    await story.client.create(pods, { metadata: { namespace: 'shop', name: 'db' }, spec: { nodeName: 'n1', containers: [], volumes } })
    await story.quiet()
    await story.client.delete(persistentVolumeClaims, ref)
    await story.quiet()
    expect(await claims()).toEqual([['kubernetes.io/pvc-protection']])
    await story.client.delete(pods, { namespace: 'shop', name: 'db' }, { gracePeriodSeconds: 0 })
    await story.quiet()
    expect(await claims()).toEqual([])
  })

  it('keeps a volume while it is bound', async () => {
    story = startStory([volumeProtectionController])
    await story.client.create(persistentVolumes, { metadata: { name: 'a' }, spec: {}, status: { phase: 'Bound' } })
    await story.quiet()
    await story.client.delete(persistentVolumes, { name: 'a' })
    await story.quiet()
    expect((await story.client.list(persistentVolumes)).items).toHaveLength(1)
    await story.client.patch(persistentVolumes, { name: 'a' }, { status: { phase: 'Released' } }, { type: 'merge', subresource: 'status' })
    await story.quiet()
    expect((await story.client.list(persistentVolumes)).items).toEqual([])
  })
})
