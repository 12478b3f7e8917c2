import { afterEach, describe, expect, it } from 'vitest'
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../../base/api/kinds.ts'
import { startStory, type Story } from '../story.ts'
import { volumeBinder } from './volume-binder.ts'

const ref = { namespace: 'shop', name: 'data' }
const claim = (spec: object = {}, name = 'data') => ({
  metadata: { namespace: 'shop', name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } }, storageClassName: '', ...spec },
  status: { phase: 'Pending' },
})
const volume = (name: string, spec: object = {}) => ({
  metadata: { name, labels: { disk: name } },
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '5Gi' }, persistentVolumeReclaimPolicy: 'Retain', hostPath: { path: '/data' }, ...spec },
})

describe('the volume binder', () => {
  let story: Story
  afterEach(() => story.stop())
  const start = async (volumes: readonly object[], claims: readonly object[]) => {
    story = startStory([volumeBinder])
    for (const one of volumes) await story.client.create(persistentVolumes, one)
    await story.quiet()
    for (const one of claims) await story.client.create(persistentVolumeClaims, one)
    await story.quiet()
  }
  const bound = async () => {
    const found = await story.client.get(persistentVolumeClaims, ref)
    return `${found.status.phase} ${found.spec.volumeName ?? '-'}`
  }
  const phase = async (name: string) => (await story.client.get(persistentVolumes, { name })).status?.phase

  it('binds a claim and a volume to each other, and says of what size and modes', async () => {
    await start([volume('a', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] })], [claim({ resources: { requests: { storage: '1Gi' } } })])
    expect(await bound()).toBe('Bound a')
    const found = await story.client.get(persistentVolumeClaims, ref)
    expect(found.status).toEqual({ phase: 'Bound', accessModes: ['ReadWriteOnce', 'ReadWriteMany'], capacity: { storage: '5Gi' } })
    expect(found.metadata.annotations).toEqual({ 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' })
    expect((await story.client.get(persistentVolumes, { name: 'a' })).spec.claimRef).toMatchObject({ ...ref, uid: found.metadata.uid })
    expect(await phase('a')).toBe('Bound')
    expect(await story.restart()).toEqual([])
  })

  it.each([
    [
      'the smallest that is large enough',
      [volume('big', { capacity: { storage: '50Gi' } }), volume('fit'), volume('small', { capacity: { storage: '1Gi' } })],
      {},
      'fit',
    ],
    ['one of its class', [volume('a'), volume('b', { storageClassName: 'fast' })], { storageClassName: 'fast' }, 'b'],
    ['one with its modes', [volume('a'), volume('b', { accessModes: ['ReadWriteMany'] })], { accessModes: ['ReadWriteMany'] }, 'b'],
    ['one that its selector matches', [volume('a'), volume('b')], { selector: { matchLabels: { disk: 'b' } } }, 'b'],
    ['the one that is reserved for it', [volume('a'), volume('b', { claimRef: ref, capacity: { storage: '50Gi' } })], {}, 'b'],
    ['none that is reserved for another', [volume('a', { claimRef: { namespace: 'shop', name: 'other' } })], {}, '-'],
    ['none of another mode', [volume('a', { volumeMode: 'Block' })], {}, '-'],
    // Listing 7.4.4: a volume that offers ReadWriteMany only does not serve a claim that asks for ReadWriteOnce.
    ['none without its access mode', [volume('a', { accessModes: ['ReadWriteMany'] })], {}, '-'],
  ])('chooses %s', async (_, volumes, spec, expected) => {
    await start(volumes, [claim(spec)])
    expect((await bound()).split(' ')[1]).toBe(expected)
  })

  it('gives one volume to one claim only', async () => {
    await start([volume('a')], [claim(), claim({}, 'second')])
    const claims = (await story.client.list(persistentVolumeClaims)).items.map(({ status }) => status.phase)
    expect(claims.toSorted()).toEqual(['Bound', 'Pending'])
  })

  it('says what a claim waits for', async () => {
    await start([], [claim(), claim({ storageClassName: 'gone' }, 'b'), claim({ volumeName: 'later' }, 'c')])
    expect(await story.events()).toEqual([
      'PersistentVolumeClaim Normal FailedBinding no persistent volumes available for this claim and no storage class is set',
      'PersistentVolumeClaim Warning ProvisioningFailed storageclass.storage.k8s.io "gone" not found',
    ])
    await story.client.create(persistentVolumes, volume('later'))
    await story.quiet()
    expect((await story.client.get(persistentVolumeClaims, { namespace: 'shop', name: 'c' })).status.phase).toBe('Bound')
  })

  it('names the provisioner of the class, at once or after the scheduler has chosen a node', async () => {
    story = startStory([volumeBinder])
    await story.client.create(storageClasses, { metadata: { name: 'now' }, provisioner: 'example.com/disk' })
    await story.client.create(storageClasses, { metadata: { name: 'late' }, provisioner: 'example.com/disk', volumeBindingMode: 'WaitForFirstConsumer' })
    await story.client.create(persistentVolumeClaims, claim({ storageClassName: 'now' }, 'a'))
    await story.client.create(persistentVolumeClaims, claim({ storageClassName: 'late' }))
    await story.quiet()
    const provisioner = async (name: string) =>
      (await story.client.get(persistentVolumeClaims, { namespace: 'shop', name })).metadata.annotations?.['volume.kubernetes.io/storage-provisioner']
    expect([await provisioner('a'), await provisioner('data')]).toEqual(['example.com/disk', undefined])
    expect(await story.events()).toContain('PersistentVolumeClaim Normal WaitForFirstConsumer waiting for first consumer to be created before binding')
    const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }]
    await story.client.create(pods, { metadata: { namespace: 'shop', name: 'web' }, spec: { containers: [], volumes } })
    await story.quiet()
    expect(await story.events()).toContain('PersistentVolumeClaim Normal WaitForPodScheduled waiting for pod web to be scheduled')
    const chosen = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } }
    await story.client.patch(persistentVolumeClaims, ref, chosen, { type: 'merge' })
    await story.quiet()
    expect(await provisioner('data')).toBe('example.com/disk')
  })

  it('releases a volume whose claim is gone, and gives it to nobody else', async () => {
    await start([volume('a')], [claim()])
    await story.client.delete(persistentVolumeClaims, ref)
    await story.quiet()
    expect(await phase('a')).toBe('Released')
    await story.client.create(persistentVolumeClaims, claim())
    await story.quiet()
    expect(await bound()).toBe('Pending -')
    await story.client.patch(persistentVolumes, { name: 'a' }, { spec: { claimRef: null } }, { type: 'merge' })
    await story.quiet()
    expect(await bound()).toBe('Bound a')
  })

  it('calls a claim lost when its volume is gone', async () => {
    await start([volume('a')], [claim()])
    await story.client.delete(persistentVolumes, { name: 'a' })
    await story.quiet()
    expect((await bound()).split(' ')[0]).toBe('Lost')
    expect(await story.events()).toContain('PersistentVolumeClaim Warning ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!')
  })

  it('does not recycle', async () => {
    await start([volume('a', { persistentVolumeReclaimPolicy: 'Recycle' })], [claim()])
    await story.client.delete(persistentVolumeClaims, ref)
    await story.quiet()
    expect(await phase('a')).toBe('Failed')
    expect(await story.events()).toContain('PersistentVolume Warning VolumeFailedRecycle No recycler plugin found for the volume!')
  })
})
