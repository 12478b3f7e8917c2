// Makes and removes the volumes of StorageClasses whose provisioner is Knarr's own: a client of the API, as any external provisioner.
// https://kubernetes.io/docs/concepts/storage/dynamic-provisioning/
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../base/api/generated/types.ts'
import { persistentVolumeClaims, persistentVolumes, storageClasses, volumeSnapshots } from '../../base/api/kinds.ts'
import { type Draft, keyOf } from '../../base/api/object.ts'
import { selectedNode, storageProvisioner } from '../../base/api/volume-annotations.ts'
import { volumeDriver } from '../../base/api/volume-driver.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder, type EventRecorder } from '../../base/client/events.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { compareQuantities } from '../../base/lib/quantity.ts'
import { classOf } from '../../base/machinery/volume-match.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { source, startController } from '../../base/reconcile/controller.ts'
import { dataSourceOf, writersOf } from './data-source.ts'
import { ignoreGone } from './finalizers.ts'
import type { StandStill } from './snapshotter.ts'
import type { VolumeFolders } from './volume-folders.ts'

export interface ProvisionerOptions {
  readonly client: Client
  readonly folders: VolumeFolders
  readonly standStill: StandStill
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

interface Context extends ProvisionerOptions {
  readonly claims: Informer<PersistentVolumeClaim>
  readonly volumes: Informer<PersistentVolume>
  readonly classes: Informer<StorageClass>
  readonly recorder: EventRecorder
}

const provisionedBy = 'pv.kubernetes.io/provisioned-by'
const finalizer = 'external-provisioner.volume.kubernetes.io/finalizer'
const hostname = 'kubernetes.io/hostname'

/** Resolves when `signal` has aborted and its work has ended. */
export const startProvisioner = (options: ProvisionerOptions): Promise<void> => {
  const { client, clock, log, signal } = options
  const watching = { clock, log, signal }
  const claims = createInformer(client, persistentVolumeClaims, watching)
  const volumes = createInformer(client, persistentVolumes, watching)
  const classes = createInformer(client, storageClasses, watching)
  const snapshots = createInformer(client, volumeSnapshots, watching)
  const context: Context = { ...options, claims, volumes, classes, recorder: createEventRecorder({ client, clock, log, component: volumeDriver }) }
  return startController({
    ...watching,
    name: 'volume-provisioner',
    sources: [
      source(claims, ({ object }) => (object ? [`claim ${keyOf(object)}`] : [])),
      source(volumes, ({ object }) => (object ? [`volume ${object.metadata.name}`] : [])),
      source(classes, () => []),
      // A claim may have been waiting for a snapshot to be ready.
      source(snapshots, ({ object }) =>
        object?.status?.readyToUse
          ? claims
              .list(object.metadata.namespace)
              .filter(({ spec }) => spec.dataSource?.name === object.metadata.name)
              .map((claim) => `claim ${keyOf(claim)}`)
          : [],
      ),
    ],
    reconcile: async (key) => {
      const [kind, name = ''] = key.split(' ')
      if (kind === 'volume') await reclaim(context, volumes.get(name))
      else await serveClaim(context, claims.get(name))
    },
  })
}

const serveClaim = async (context: Context, claim: PersistentVolumeClaim | undefined): Promise<void> => {
  if (!claim || claim.metadata.deletionTimestamp) return
  if (claim.spec.volumeName) return expand(context, claim)
  if (claim.metadata.annotations?.[storageProvisioner] === volumeDriver) await provision(context, claim)
}

const provision = async (context: Context, claim: PersistentVolumeClaim): Promise<void> => {
  const { client, recorder, classes, volumes } = context
  const found = classes.get(classOf(claim))
  const name = `pvc-${claim.metadata.uid}`
  if (!found || volumes.get(name)) return
  const node = claim.metadata.annotations?.[selectedNode]
  if (found.volumeBindingMode === 'WaitForFirstConsumer' && node === undefined) return
  recorder.event(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim "${keyOf(claim)}"`)
  try {
    const fault = claim.spec.volumeMode === 'Block' ? 'block volumes are not supported here' : undefined
    if (fault) throw new Error(fault)
    await fill(context, claim, name)
    await client.create(persistentVolumes, volumeFor({ claim, found, name, node }))
    recorder.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${name}`)
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return
    recorder.event(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass "${found.metadata.name}": ${(error as Error).message}`)
    throw error
  }
}

/** An empty folder, or a copy of what the claim names. */
const fill = async ({ client, folders, standStill }: Context, claim: PersistentVolumeClaim, handle: string): Promise<void> => {
  const from = await dataSourceOf(client, claim)
  if (!from) return folders.make(handle)
  const writers = from.claim ? await writersOf(client, from.claim) : []
  await standStill(writers, () => folders.clone(from.handle, handle))
}

interface Order {
  readonly claim: PersistentVolumeClaim
  readonly found: StorageClass
  readonly name: string
  /** Where the claim waited for its first consumer: its volume then stays on that consumer's node, as a local disk does. */
  readonly node: string | undefined
}

const volumeFor = ({ claim, found, name, node }: Order): Draft<PersistentVolume> => {
  const { namespace, name: claimName, uid, resourceVersion } = claim.metadata
  return {
    metadata: { name, annotations: { [provisionedBy]: volumeDriver }, finalizers: [finalizer] },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' },
      accessModes: claim.spec.accessModes,
      claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name: claimName, uid, resourceVersion },
      persistentVolumeReclaimPolicy: found.reclaimPolicy ?? 'Delete',
      storageClassName: found.metadata.name,
      mountOptions: found.mountOptions,
      volumeMode: 'Filesystem',
      csi: { driver: volumeDriver, volumeHandle: name },
      ...(node === undefined ? {} : { nodeAffinity: affinityTo(node) }),
    },
  }
}

const affinityTo = (node: string) => ({
  required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: 'In', values: [node] }] }] },
})

/** Removes a volume that was made here, when its claim is gone and its policy says so; lets go of one that somebody deletes. */
const reclaim = async ({ client, recorder, folders }: Context, volume: PersistentVolume | undefined): Promise<void> => {
  if (!volume || volume.metadata.annotations?.[provisionedBy] !== volumeDriver) return
  const { name, deletionTimestamp, finalizers = [] } = volume.metadata
  const isReleased = volume.status?.phase === 'Released'
  if (isReleased && volume.spec.persistentVolumeReclaimPolicy === 'Delete') {
    try {
      await folders.remove(volume.spec.csi?.volumeHandle ?? name)
    } catch (error) {
      recorder.event(volume, 'Warning', 'VolumeFailedDelete', (error as Error).message)
      throw error
    }
    if (!deletionTimestamp) await ignoreGone(client.delete(persistentVolumes, { name }, { preconditions: { uid: volume.metadata.uid } }))
    await dropFinalizer(client, name, finalizers)
  } else if (deletionTimestamp && (isReleased || volume.spec.persistentVolumeReclaimPolicy === 'Retain')) {
    // Retained data stay where they are.
    await dropFinalizer(client, name, finalizers)
  }
}

const dropFinalizer = async (client: Client, name: string, finalizers: readonly string[]): Promise<void> => {
  const rest = finalizers.filter((one) => one !== finalizer)
  if (rest.length === finalizers.length) return
  await ignoreGone(client.patch(persistentVolumes, { name }, { metadata: { finalizers: rest.length > 0 ? rest : null } }, { type: 'merge' }))
}

/** A claim that asks for more gets it: folders have no size of their own. */
const expand = async ({ client, volumes, recorder }: Context, claim: PersistentVolumeClaim): Promise<void> => {
  const volume = volumes.get(claim.spec.volumeName ?? '')
  const wanted = claim.spec.resources?.requests?.['storage'] ?? '0'
  if (volume?.metadata.annotations?.[provisionedBy] !== volumeDriver || claim.status?.phase !== 'Bound') return
  const isLarger = compareQuantities(wanted, volume.spec.capacity?.['storage'] ?? '0') > 0
  if (isLarger) {
    recorder.event(claim, 'Normal', 'Resizing', `External resizer is resizing volume ${volume.metadata.name}`)
    await client.patch(persistentVolumes, { name: volume.metadata.name }, { spec: { capacity: { storage: wanted } } }, { type: 'merge' })
  }
  const has = claim.status.capacity?.['storage'] ?? '0'
  if (compareQuantities(wanted, has) <= 0) return
  const { namespace, name } = claim.metadata
  await client.patch(persistentVolumeClaims, { namespace, name }, { status: { capacity: { storage: wanted } } }, { type: 'merge', subresource: 'status' })
  recorder.event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded')
}
