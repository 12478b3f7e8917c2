// Binds VolumeSnapshots to VolumeSnapshotContents, as the snapshot-controller that clusters install beside their drivers.
// https://kubernetes-csi.github.io/docs/snapshot-controller.html
import type { PersistentVolumeClaim, VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent } from '../../base/api/generated/types.ts'
import { persistentVolumeClaims, persistentVolumes, volumeSnapshotClasses, volumeSnapshotContents, volumeSnapshots } from '../../base/api/kinds.ts'
import { keyOf } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder, type EventRecorder } from '../../base/client/events.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import { createInformer } from '../../base/client/informer.ts'
import { stampOf } from '../../base/client/stamp.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { quantityFromInteger } from '../../base/lib/quantity.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { source, startController } from '../../base/reconcile/controller.ts'
import { ignoreGone, setFinalizers } from './finalizers.ts'

export interface SnapshotControllerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

interface Context extends SnapshotControllerOptions {
  readonly snapshots: Informer<VolumeSnapshot>
  readonly contents: Informer<VolumeSnapshotContent>
  readonly classes: Informer<VolumeSnapshotClass>
  readonly claims: Informer<PersistentVolumeClaim>
  readonly recorder: EventRecorder
}

const asSource = 'snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection'
const asBound = 'snapshot.storage.kubernetes.io/volumesnapshot-bound-protection'
const isDefaultClass = 'snapshot.storage.kubernetes.io/is-default-class'
/** On a content: its VolumeSnapshot is going, and its data may follow. */
export const beingDeleted = 'snapshot.storage.kubernetes.io/volumesnapshot-being-deleted'

/** Resolves when `signal` has aborted and its work has ended. */
export const startSnapshotController = (options: SnapshotControllerOptions): Promise<void> => {
  const { client, clock, log, signal } = options
  const watching = { clock, log, signal }
  const snapshots = createInformer(client, volumeSnapshots, watching)
  const contents = createInformer(client, volumeSnapshotContents, watching)
  const classes = createInformer(client, volumeSnapshotClasses, watching)
  const claims = createInformer(client, persistentVolumeClaims, watching)
  const recorder = createEventRecorder({ client, clock, log, component: 'snapshot-controller' })
  const context: Context = { ...options, snapshots, contents, classes, claims, recorder }
  return startController({
    ...watching,
    name: 'snapshot-controller',
    sources: [
      source(snapshots, ({ object }) => (object ? [keyOf(object)] : [])),
      source(contents, ({ old, object }) => keysOfRef((object ?? old)!)),
      source(claims, ({ old, object }) => snapshots.list((object ?? old)!.metadata.namespace).map(keyOf)),
      source(classes, () => []),
    ],
    reconcile: async (key) => {
      const snapshot = snapshots.get(key)
      if (snapshot?.metadata.deletionTimestamp) await letGo(context, snapshot)
      else if (snapshot) await keep(context, snapshot)
    },
  })
}

const keysOfRef = ({ spec: { volumeSnapshotRef: ref } }: VolumeSnapshotContent): string[] => [`${ref.namespace}/${ref.name}`]

const contentNameOf = ({ metadata, spec }: VolumeSnapshot) => spec.source.volumeSnapshotContentName ?? `snapcontent-${metadata.uid}`

const isBoundTo = (content: VolumeSnapshotContent, { metadata }: VolumeSnapshot): boolean => {
  const { name, namespace, uid } = content.spec.volumeSnapshotRef
  return name === metadata.name && namespace === metadata.namespace && (!uid || uid === metadata.uid)
}

/** What is wrong with a snapshot: it becomes its status and a Warning, and is tried again. */
class SnapshotFault extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

async function keep(context: Context, snapshot: VolumeSnapshot): Promise<void> {
  const { client } = context
  await setFinalizers(client, volumeSnapshots, snapshot, { add: [asSource, asBound] })
  try {
    if (snapshot.spec.source.persistentVolumeClaimName && !snapshot.spec.volumeSnapshotClassName) return await chooseClass(context, snapshot)
    await showStatus(context, snapshot, await contentFor(context, snapshot))
  } catch (error) {
    if (error instanceof SnapshotFault) await showFault(context, snapshot, error)
    throw error
  }
}

async function contentFor(context: Context, snapshot: VolumeSnapshot): Promise<VolumeSnapshotContent> {
  const name = contentNameOf(snapshot)
  const found = context.contents.get(name)
  if (!found && (snapshot.spec.source.volumeSnapshotContentName || snapshot.status?.readyToUse))
    throw new SnapshotFault('SnapshotContentMissing', 'VolumeSnapshotContent is missing')
  if (!found) return makeContent(context, snapshot)
  if (!isBoundTo(found, snapshot)) throw new SnapshotFault('SnapshotContentMisbound', `VolumeSnapshotContent [${name}] is bound to a different snapshot`)
  if (found.spec.volumeSnapshotRef.uid) return found
  const ref = { spec: { volumeSnapshotRef: { uid: snapshot.metadata.uid } } }
  return context.client.patch(volumeSnapshotContents, { name }, ref, { type: 'merge' })
}

async function makeContent({ client, claims, classes, recorder }: Context, snapshot: VolumeSnapshot): Promise<VolumeSnapshotContent> {
  const key = keyOf(snapshot)
  const failed = (why: string) => new SnapshotFault('SnapshotContentCreationFailed', `Failed to create snapshot content with error ${why}`)
  const { namespace, name, uid } = snapshot.metadata
  const claim = claims.get(`${namespace}/${snapshot.spec.source.persistentVolumeClaimName}`)
  if (!claim) throw failed(`snapshot controller failed to update ${name} on API server: cannot get claim from snapshot`)
  const input = (why: string) => failed(`failed to get input parameters to create snapshot ${name}: ${JSON.stringify(why)}`)
  const found = classes.get(snapshot.spec.volumeSnapshotClassName ?? '')
  if (!found)
    throw input(
      `failed to retrieve snapshot class ${snapshot.spec.volumeSnapshotClassName} from the informer: "volumesnapshotclass.snapshot.storage.k8s.io \\"${snapshot.spec.volumeSnapshotClassName}\\" not found"`,
    )
  if (claim.status?.phase !== 'Bound' || !claim.spec.volumeName)
    throw input(`the PVC ${claim.metadata.name} is not yet bound to a PV, will not attempt to take a snapshot`)
  const volume = await client.get(persistentVolumes, { name: claim.spec.volumeName })
  if (!volume.spec.csi) throw failed(`cannot find CSI PersistentVolumeSource for volume ${volume.metadata.name}`)
  const { kind, apiVersion, resourceVersion } = { ...snapshot, ...snapshot.metadata }
  const draft = {
    metadata: { name: contentNameOf(snapshot) },
    spec: {
      volumeSnapshotRef: { kind, apiVersion, namespace, name, uid, resourceVersion },
      source: { volumeHandle: volume.spec.csi.volumeHandle },
      volumeSnapshotClassName: found.metadata.name,
      deletionPolicy: found.deletionPolicy,
      driver: found.driver,
      sourceVolumeMode: volume.spec.volumeMode ?? 'Filesystem',
    },
  }
  const made = await client.create(volumeSnapshotContents, draft).catch((error: unknown) => {
    if (isStatusError(error, 'AlreadyExists')) return client.get(volumeSnapshotContents, { name: draft.metadata.name })
    throw error
  })
  recorder.event(snapshot, 'Normal', 'CreatingSnapshot', `Waiting for a snapshot ${key} to be created by the CSI driver.`)
  return made
}

/** The default class of the driver that made the claim's volume. Its name is written into the snapshot, which then is looked at again. */
async function chooseClass({ client, claims, classes }: Context, snapshot: VolumeSnapshot): Promise<void> {
  const failed = (why: string) => new SnapshotFault('SetDefaultSnapshotClassFailed', `Failed to set default snapshot class with error ${why}`)
  const { namespace, name } = snapshot.metadata
  const claim = claims.get(`${namespace}/${snapshot.spec.source.persistentVolumeClaimName}`)
  if (!claim)
    throw failed(
      `failed to retrieve PVC ${snapshot.spec.source.persistentVolumeClaimName} from the lister: "persistentvolumeclaim \\"${snapshot.spec.source.persistentVolumeClaimName}\\" not found"`,
    )
  if (!claim.spec.volumeName) throw failed(`the PVC ${claim.metadata.name} is not yet bound to a PV, will not attempt to take a snapshot`)
  const { spec } = await client.get(persistentVolumes, { name: claim.spec.volumeName })
  const defaults = classes.list().filter(({ metadata, driver }) => driver === spec.csi?.driver && metadata.annotations?.[isDefaultClass] === 'true')
  if (defaults.length === 0) throw failed('cannot find default snapshot class')
  if (defaults.length > 1) throw failed(`${defaults.length} default snapshot classes were found`)
  await client.patch(volumeSnapshots, { namespace, name }, { spec: { volumeSnapshotClassName: defaults[0]!.metadata.name } }, { type: 'merge' })
}

async function showStatus({ client, recorder }: Context, snapshot: VolumeSnapshot, content: VolumeSnapshotContent): Promise<void> {
  const { namespace, name } = snapshot.metadata
  const { creationTime, restoreSize, readyToUse = false, error } = content.status ?? {}
  const before = snapshot.status ?? {}
  const next = {
    boundVolumeSnapshotContentName: content.metadata.name,
    readyToUse,
    ...(creationTime === undefined ? {} : { creationTime: stampOf(creationTime / 1e6) }),
    ...(restoreSize === undefined ? {} : { restoreSize: quantityFromInteger(restoreSize, 'BinarySI') }),
  }
  const isSame = Object.entries(next).every(([key, value]) => before[key as keyof typeof before] === value) && before.error?.message === error?.message
  if (isSame) return
  await client.patch(volumeSnapshots, { namespace, name }, { status: { ...next, error: error ?? null } }, { type: 'merge', subresource: 'status' })
  const key = keyOf(snapshot)
  if (next.creationTime && !before.creationTime)
    recorder.event(snapshot, 'Normal', 'SnapshotCreated', `Snapshot ${key} was successfully created by the CSI driver.`)
  if (readyToUse && !before.readyToUse) recorder.event(snapshot, 'Normal', 'SnapshotReady', `Snapshot ${key} is ready to use.`)
}

/** The event comes with the change only: retries are quiet. */
async function showFault({ client, recorder, clock }: Context, snapshot: VolumeSnapshot, { reason, message }: SnapshotFault): Promise<void> {
  if (snapshot.status?.error?.message === message) return
  const { namespace, name } = snapshot.metadata
  const status = { readyToUse: false, error: { time: stampOf(clock.now()), message } }
  await ignoreGone(client.patch(volumeSnapshots, { namespace, name }, { status }, { type: 'merge', subresource: 'status' }))
  recorder.event(snapshot, 'Warning', reason, message)
}

/** A snapshot goes after its content, where that goes with it, and not while a volume is being made of it. */
async function letGo(context: Context, snapshot: VolumeSnapshot): Promise<void> {
  const { client, contents, recorder } = context
  if (isBeingRestored(context, snapshot)) {
    recorder.event(snapshot, 'Warning', 'SnapshotDeletePending', 'Snapshot is being used to restore a PVC')
    return
  }
  const content = contents.get(contentNameOf(snapshot))
  if (content && isBoundTo(content, snapshot)) {
    const { name, uid } = content.metadata
    if (content.metadata.annotations?.[beingDeleted] !== 'yes')
      await ignoreGone(client.patch(volumeSnapshotContents, { name }, { metadata: { annotations: { [beingDeleted]: 'yes' } } }, { type: 'merge' }))
    if (content.spec.deletionPolicy === 'Delete') {
      if (!content.metadata.deletionTimestamp) await ignoreGone(client.delete(volumeSnapshotContents, { name }, { preconditions: { uid } }))
      // The end of the content wakes this again.
      if (contents.get(name)) return
    }
  }
  await setFinalizers(client, volumeSnapshots, snapshot, { remove: [asSource, asBound] })
}

const isBeingRestored = ({ claims }: Context, { metadata }: VolumeSnapshot): boolean =>
  claims
    .list(metadata.namespace)
    .some(({ spec, status }) => spec.dataSource?.kind === 'VolumeSnapshot' && spec.dataSource.name === metadata.name && status?.phase === 'Pending')
