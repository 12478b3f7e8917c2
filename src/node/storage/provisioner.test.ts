import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { events, persistentVolumeClaims, persistentVolumes, storageClasses } from '../../base/api/kinds.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { startProvisioner } from './provisioner.ts'
import { createVolumeFolders } from './volume-folders.ts'

const provisioner = 'volumes.knarr.local'
const ref = { namespace: 'shop', name: 'data' }
let clock: FakeClock
let client: FakeClient
let control: AbortController
let directory: string

beforeEach(() => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  control = new AbortController()
  directory = mkdtempSync(join(tmpdir(), 'volumes-'))
  void startProvisioner({ client, folders: createVolumeFolders(directory), standStill: (_, act) => act(), clock, log: silentLog, signal: control.signal })
})
afterEach(() => {
  control.abort()
  rmSync(directory, { recursive: true, force: true })
})

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) {
    await clock.advance(10)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
const addClass = (extra: object = {}) => client.create(storageClasses, { metadata: { name: 'standard' }, provisioner, ...extra })
const addClaim = (annotations: object = {}) =>
  client.create(persistentVolumeClaims, {
    metadata: { ...ref, annotations: { 'volume.kubernetes.io/storage-provisioner': provisioner, ...annotations } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '5Gi' } }, storageClassName: 'standard' },
    status: { phase: 'Pending' },
  })
const volumes = async () => (await client.list(persistentVolumes)).items
const release = (name: string) => client.patch(persistentVolumes, { name }, { status: { phase: 'Released' } }, { type: 'merge', subresource: 'status' })

describe('the provisioner', () => {
  it('makes a folder and a volume that is reserved for the claim', async () => {
    await addClass({ reclaimPolicy: 'Retain', mountOptions: ['noatime'] })
    const { metadata } = await addClaim()
    await settle()
    const name = `pvc-${metadata.uid}`
    expect(await volumes()).toMatchObject([
      {
        metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
        spec: {
          capacity: { storage: '5Gi' },
          accessModes: ['ReadWriteOnce'],
          claimRef: { ...ref, uid: metadata.uid },
          persistentVolumeReclaimPolicy: 'Retain',
          storageClassName: 'standard',
          mountOptions: ['noatime'],
          csi: { driver: provisioner, volumeHandle: name },
        },
      },
    ])
    expect(await readdir(directory)).toEqual([name])
    expect((await client.list(events)).items.map(({ reason }) => reason)).toEqual(['Provisioning', 'ProvisioningSucceeded'])
  })

  it('waits for the first consumer where its class says so, and keeps the volume on that node', async () => {
    await addClass({ volumeBindingMode: 'WaitForFirstConsumer' })
    await addClaim()
    await settle()
    expect(await volumes()).toEqual([])
    const chosen = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'n1' } } }
    await client.patch(persistentVolumeClaims, ref, chosen, { type: 'merge' })
    await settle()
    expect((await volumes())[0]?.spec.nodeAffinity?.required?.nodeSelectorTerms?.[0]?.matchExpressions).toEqual([
      { key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] },
    ])
  })

  it.each([
    ['Delete', 0, 0],
    ['Retain', 1, 1],
  ])('with %s leaves %i volumes and %i folders when the claim is gone', async (reclaimPolicy, volumesLeft, foldersLeft) => {
    await addClass({ reclaimPolicy })
    const { metadata } = await addClaim()
    await settle()
    await writeFile(join(directory, `pvc-${metadata.uid}`, 'row'), 'kept')
    await client.delete(persistentVolumeClaims, ref)
    await release(`pvc-${metadata.uid}`)
    await settle()
    expect(await volumes()).toHaveLength(volumesLeft)
    expect(await readdir(directory)).toHaveLength(foldersLeft)
  })

  it('lets a retained volume be deleted and keeps its data', async () => {
    await addClass({ reclaimPolicy: 'Retain' })
    const { metadata } = await addClaim()
    await settle()
    await release(`pvc-${metadata.uid}`)
    await client.delete(persistentVolumes, { name: `pvc-${metadata.uid}` })
    await settle()
    expect(await volumes()).toEqual([])
    expect(await readdir(directory)).toHaveLength(1)
  })

  it('gives a claim that grows what it asks for', async () => {
    await addClass()
    const { metadata } = await addClaim()
    await settle()
    const bound = { spec: { volumeName: `pvc-${metadata.uid}` }, status: { phase: 'Bound', capacity: { storage: '5Gi' } } }
    await client.patch(persistentVolumeClaims, ref, bound, { type: 'merge' })
    await client.patch(persistentVolumeClaims, ref, bound, { type: 'merge', subresource: 'status' })
    await client.patch(persistentVolumeClaims, ref, { spec: { resources: { requests: { storage: '8Gi' } } } }, { type: 'merge' })
    await settle()
    expect((await volumes())[0]?.spec.capacity).toEqual({ storage: '8Gi' })
    expect((await client.get(persistentVolumeClaims, ref)).status.capacity).toEqual({ storage: '8Gi' })
  })

  it('leaves the claims of other provisioners alone', async () => {
    await addClass({ provisioner: 'example.com/disk' })
    await addClaim({ 'volume.kubernetes.io/storage-provisioner': 'example.com/disk' })
    await settle()
    expect(await volumes()).toEqual([])
  })
})

it.each(['..', '../etc', 'a/b', '.hidden', ''])('does not take %j for a volume handle', (handle) => {
  expect(() => createVolumeFolders('/volumes').pathOf(handle)).toThrow('is no volume handle')
})
