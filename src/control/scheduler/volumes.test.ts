import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../base/api/generated/types.ts'
import { events, nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../base/api/kinds.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { startScheduler } from './scheduler.ts'

let clock: FakeClock
let client: FakeClient
let control: AbortController

beforeEach(async () => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  control = new AbortController()
  for (const name of ['n1', 'n2']) {
    const labels = { 'kubernetes.io/hostname': name }
    await client.create(nodes, { metadata: { name, labels }, spec: {}, status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110' } } })
  }
  await client.create(storageClasses, { metadata: { name: 'late' }, provisioner: 'example.com/disk', volumeBindingMode: 'WaitForFirstConsumer' })
  await client.create(storageClasses, { metadata: { name: 'by-hand' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' })
})
afterEach(() => control.abort())

const start = () => startScheduler({ client, clock, log: silentLog, signal: control.signal, random: () => 0 }).synced
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await clock.advance(0)
}
const onNode = (name: string) => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] }] } },
})
const addVolume = (name: string, spec: object = {}) =>
  client.create(persistentVolumes, {
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, storageClassName: 'by-hand', ...spec } as PersistentVolume['spec'],
  })
const addClaim = (spec: object = {}) =>
  client.create(persistentVolumeClaims, {
    metadata: { namespace: 'default', name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec } as PersistentVolumeClaim['spec'],
    status: { phase: 'Pending' },
  })
const bind = (volumeName: string) =>
  client.patch(
    persistentVolumeClaims,
    { namespace: 'default', name: 'data' },
    { metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }, spec: { volumeName }, status: { phase: 'Bound' } },
    { type: 'merge' },
  )
const becomesBound = () =>
  client.patch(persistentVolumeClaims, { namespace: 'default', name: 'data' }, { status: { phase: 'Bound' } }, { type: 'merge', subresource: 'status' })
const addPod = (name = 'db') =>
  client.create(pods, {
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c', resources: {} }], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] } as unknown as Pod['spec'],
  })
const nodeOf = async (name = 'db') => (await client.get(pods, { namespace: 'default', name })).spec.nodeName
const said = async () => (await client.list(events)).items.map(({ message }) => message)
const waiting = (reason: string) => `0/2 nodes are available: ${reason}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.`

describe('the scheduler, for a Pod with a claim,', () => {
  it('waits until the claim is there, and until it is bound', async () => {
    await start()
    await addPod()
    await settle()
    expect(await said()).toEqual([waiting('persistentvolumeclaim "data" not found')])
    await addClaim({ storageClassName: '' })
    await clock.advance(2_000)
    expect(await said()).toContain(waiting('pod has unbound immediate PersistentVolumeClaims'))
    await addVolume('a')
    await bind('a')
    await clock.advance(5_000)
    expect(await nodeOf()).toBe('n1')
  })

  it('goes where the volume is', async () => {
    await addVolume('a', onNode('n2'))
    await addClaim()
    await bind('a')
    await start()
    await addPod()
    await settle()
    expect(await nodeOf()).toBe('n2')
  })

  it('says that no node reaches the volume', async () => {
    await addVolume('a', onNode('n9'))
    await addClaim()
    await bind('a')
    await start()
    await addPod()
    await settle()
    expect(await said()).toEqual([waiting("2 node(s) didn't match PersistentVolume's node affinity")])
  })

  it('chooses a node and asks for a volume there, and places the Pod when it is bound', async () => {
    await addClaim({ storageClassName: 'late' })
    await start()
    await addPod()
    await settle()
    const claim = await client.get(persistentVolumeClaims, { namespace: 'default', name: 'data' })
    expect(claim.metadata.annotations?.['volume.kubernetes.io/selected-node']).toBe('n1')
    expect(await nodeOf()).toBeUndefined()
    await addVolume('made')
    await bind('made')
    await becomesBound()
    await settle()
    expect(await nodeOf()).toBe('n1')
  })

  it('tries again where the provisioner takes the choice back', async () => {
    await addClaim({ storageClassName: 'late' })
    await start()
    await addPod()
    await settle()
    const back = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': null } } }
    await client.patch(persistentVolumeClaims, { namespace: 'default', name: 'data' }, back, { type: 'merge' })
    await settle()
    expect(await said()).toContain('binding rejected: running PreBind plugin "VolumeBinding": provisioning failed on the selected node')
    await clock.advance(5_000)
    const claim = await client.get(persistentVolumeClaims, { namespace: 'default', name: 'data' })
    expect(claim.metadata.annotations?.['volume.kubernetes.io/selected-node']).toBeDefined()
  })

  it('reserves a volume that is there on the node that it chooses', async () => {
    await addVolume('elsewhere', onNode('n9'))
    await addVolume('here', onNode('n2'))
    const { metadata } = await addClaim({ storageClassName: 'by-hand' })
    await start()
    await addPod()
    await settle()
    expect((await client.get(persistentVolumes, { name: 'here' })).spec.claimRef?.uid).toBe(metadata.uid)
    await bind('here')
    await becomesBound()
    await settle()
    expect(await nodeOf()).toBe('n2')
  })

  it('says that no volume is to be had', async () => {
    await addClaim({ storageClassName: 'by-hand' })
    await start()
    await addPod()
    await settle()
    expect(await said()).toEqual([waiting("2 node(s) didn't find available persistent volumes to bind")])
  })

  it('lets one Pod only use a claim of ReadWriteOncePod', async () => {
    await addVolume('a', { accessModes: ['ReadWriteOncePod'] })
    await addClaim({ accessModes: ['ReadWriteOncePod'] })
    await bind('a')
    await start()
    await addPod('first')
    await settle()
    await addPod('second')
    await settle()
    expect([await nodeOf('first'), await nodeOf('second')]).toEqual(['n1', undefined])
    expect((await said()).at(-1)).toContain('2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode')
  })
})
