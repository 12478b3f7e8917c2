import { expect, it } from 'vitest'
import { persistentVolumeClaims, pods } from '../../../base/api/kinds.ts'
import { startStory } from '../story.ts'
import { ephemeralVolumeController } from './ephemeral-volume.ts'

it('makes the claim of an ephemeral volume, owned by its Pod', async () => {
  const story = startStory([ephemeralVolumeController])
  const volumeClaimTemplate = { metadata: { labels: { tier: 'cache' } }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }
  const volumes = [
    { name: 'cache', ephemeral: { volumeClaimTemplate } },
    { name: 'tmp', emptyDir: {} },
  ]
  await story.client.create(pods, { metadata: { namespace: 'shop', name: 'web' }, spec: { containers: [], volumes } })
  await story.quiet()
  const [claim, ...others] = (await story.client.list(persistentVolumeClaims)).items
  expect(others).toEqual([])
  expect(claim).toMatchObject({
    metadata: { name: 'web-cache', labels: { tier: 'cache' }, ownerReferences: [{ kind: 'Pod', name: 'web', controller: true }] },
    spec: volumeClaimTemplate.spec,
  })
  expect(await story.restart()).toEqual([])
  story.stop()
})
