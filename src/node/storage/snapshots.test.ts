import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Pod } from '../../base/api/generated/types.ts'
import {
  events,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
  volumeSnapshotClasses,
  volumeSnapshotContents,
  volumeSnapshots,
} from '../../base/api/kinds.ts'
import { volumeDriver } from '../../base/api/volume-driver.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { startProvisioner } from './provisioner.ts'
import { startSnapshotController } from './snapshot-controller.ts'
import { startSnapshotter } from './snapshotter.ts'
import { createVolumeFolders } from './volume-folders.ts'

const namespace = 'shop'
let clock: FakeClock
let client: FakeClient
let control: AbortController
let directory: string
let stood: string[]

beforeEach(async () => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  control = new AbortController()
  directory = mkdtempSync(join(tmpdir(), 'volumes-'))
  stood = []
  const watching = { client, clock, log: silentLog, signal: control.signal }
  const standStill = async (still: readonly Pod[], act: () => Promise<void>) => {
    stood.push(...still.map(({ metadata }) => metadata.name))
    await act()
  }
  const storage = { ...watching, folders: createVolumeFolders(directory), standStill }
  void startProvisioner(storage)
  void startSnapshotter(storage)
  void startSnapshotController(watching)
  await client.create(storageClasses, { metadata: { name: 'standard' }, provisioner: volumeDriver })
  const annotations = { 'snapshot.storage.kubernetes.io/is-default-class': 'true' }
  await client.create(volumeSnapshotClasses, { metadata: { name: 'standard', annotations }, driver: volumeDriver, deletionPolicy: 'Delete' })
  const volume = await addClaim('data', {})
  await writeFile(join(directory, volume, 'row'), 'one')
})
afterEach(() => {
  control.abort()
  rmSync(directory, { recursive: true, force: true })
})

/** Until the controllers are quiet: they copy files in between. */
const settle = async () => {
  for (let turn = 0; turn < 40; turn++) {
    await clock.advance(50)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Makes a claim and, as the volume binder would, binds it to what the provisioner makes; gives the volume's name. */
async function addClaim(name: string, spec: object, size = '1Gi'): Promise<string> {
  const { metadata } = await client.create(persistentVolumeClaims, {
    metadata: { namespace, name, annotations: { 'volume.kubernetes.io/storage-provisioner': volumeDriver } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, storageClassName: 'standard', ...spec },
    status: { phase: 'Pending' },
  })
  await settle()
  const volumeName = `pvc-${metadata.uid}`
  if ((await client.list(persistentVolumes)).items.some((volume) => volume.metadata.name === volumeName)) {
    await client.patch(persistentVolumeClaims, { namespace, name }, { spec: { volumeName } }, { type: 'merge' })
    const status = { phase: 'Bound', capacity: { storage: size } }
    await client.patch(persistentVolumeClaims, { namespace, name }, { status }, { type: 'merge', subresource: 'status' })
    await settle()
  }
  return volumeName
}

const take = async (name: string, spec: object = {}) => {
  await client.create(volumeSnapshots, { metadata: { namespace, name }, spec: { source: { persistentVolumeClaimName: 'data' }, ...spec } })
  await settle()
  return client.get(volumeSnapshots, { namespace, name })
}
const fromSnapshot = (name: string) => ({ dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name } })
const reasons = async () => (await client.list(events)).items.map(({ reason }) => reason)

describe('a VolumeSnapshot', () => {
  it('is taken while the writers stand still, bound, told of, and done once', async () => {
    const volumes = [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }]
    await client.create(pods, { metadata: { namespace, name: 'db' }, spec: { volumes, containers: [] }, status: { phase: 'Running' } })
    const snapshot = await take('first')
    const content = `snapcontent-${snapshot.metadata.uid}`
    expect(snapshot).toMatchObject({
      spec: { volumeSnapshotClassName: 'standard' },
      status: { readyToUse: true, restoreSize: '1Gi', boundVolumeSnapshotContentName: content },
    })
    const handle = `snapshot-${snapshot.metadata.uid}`
    expect((await client.get(volumeSnapshotContents, { name: content })).status).toMatchObject({
      readyToUse: true,
      restoreSize: 2 ** 30,
      snapshotHandle: handle,
    })
    expect(readFileSync(join(directory, handle, 'row'), 'utf8')).toBe('one')
    expect(stood).toEqual(['db'])
    expect((await reasons()).filter((reason) => /Snapshot/.test(reason ?? ''))).toEqual(['CreatingSnapshot', 'SnapshotCreated', 'SnapshotReady'])
    await settle()
    expect((await client.get(volumeSnapshots, { namespace, name: 'first' })).metadata.resourceVersion).toBe(snapshot.metadata.resourceVersion)
  })

  it('fills a new claim, and so does another claim', async () => {
    await take('first')
    for (const [name, spec] of [
      ['again', fromSnapshot('first')],
      ['clone', { dataSource: { kind: 'PersistentVolumeClaim', name: 'data' } }],
    ] as const) {
      const volume = await addClaim(name, spec)
      expect(readFileSync(join(directory, volume, 'row'), 'utf8')).toBe('one')
    }
  })

  it.each([
    ['a claim that is too small', fromSnapshot('first'), '1Mi', 'requested volume size 1048576 is less than the size 1073741824 for the source snapshot first'],
    ['a snapshot that is not there', fromSnapshot('none'), '1Gi', 'error getting snapshot none from api server'],
    ['a claim that is not there', { dataSource: { kind: 'PersistentVolumeClaim', name: 'none' } }, '1Gi', 'error getting PVC none'],
    ['another kind', { dataSource: { apiGroup: 'example.com', kind: 'Disk', name: 'x' } }, '1Gi', 'unsupported DataSource: example.com/Disk'],
  ])('is not restored for %s', async (_, spec, size, message) => {
    await take('first')
    await addClaim('again', spec, size)
    const failures = (await client.list(events)).items.filter(({ reason }) => reason === 'ProvisioningFailed')
    expect(failures.at(-1)?.message).toContain(message)
  })

  it.each([
    ['Delete', 0, 0],
    ['Retain', 1, 1],
  ])('with %s leaves %i contents and %i folders', async (deletionPolicy, contents, folders) => {
    await client.create(volumeSnapshotClasses, { metadata: { name: 'own' }, driver: volumeDriver, deletionPolicy })
    await take('first', { volumeSnapshotClassName: 'own' })
    await client.delete(volumeSnapshots, { namespace, name: 'first' })
    await settle()
    expect((await client.list(volumeSnapshots)).items).toEqual([])
    expect((await client.list(volumeSnapshotContents)).items).toHaveLength(contents)
    expect((await readdir(directory)).filter((name) => name.startsWith('snapshot-'))).toHaveLength(folders)
  })

  it('says once what it lacks', async () => {
    await client.create(volumeSnapshots, {
      metadata: { namespace, name: 'bad' },
      spec: { source: { persistentVolumeClaimName: 'none' }, volumeSnapshotClassName: 'standard' },
    })
    await settle()
    expect((await client.get(volumeSnapshots, { namespace, name: 'bad' })).status).toMatchObject({
      readyToUse: false,
      error: { message: 'Failed to create snapshot content with error snapshot controller failed to update bad on API server: cannot get claim from snapshot' },
    })
    expect((await reasons()).filter((reason) => reason === 'SnapshotContentCreationFailed')).toHaveLength(1)
  })
})
