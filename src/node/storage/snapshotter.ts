// Takes and removes the snapshots of Knarr's own volumes: what the csi-snapshotter beside a driver does.
import type { Pod, VolumeSnapshot, VolumeSnapshotContent } from '../../base/api/generated/types.ts'
import { persistentVolumes, volumeSnapshotContents, volumeSnapshots } from '../../base/api/kinds.ts'
import { volumeDriver } from '../../base/api/volume-driver.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder, type EventRecorder } from '../../base/client/events.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import { createInformer } from '../../base/client/informer.ts'
import { stampOf } from '../../base/client/stamp.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { quantityToInteger } from '../../base/lib/quantity.ts'
import { source, startController } from '../../base/reconcile/controller.ts'
import { writersOf } from './data-source.ts'
import { setFinalizers } from './finalizers.ts'
import { beingDeleted } from './snapshot-controller.ts'
import type { VolumeFolders } from './volume-folders.ts'

/** Runs `act` while the containers of these Pods stand still, where that can be done. */
export type StandStill = (pods: readonly Pod[], act: () => Promise<void>) => Promise<void>

export interface SnapshotterOptions {
  readonly client: Client
  readonly folders: VolumeFolders
  readonly standStill: StandStill
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

interface Context extends SnapshotterOptions {
  readonly contents: Informer<VolumeSnapshotContent>
  readonly snapshots: Informer<VolumeSnapshot>
  readonly recorder: EventRecorder
}

const finalizer = 'snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection'

/** Resolves when `signal` has aborted and its work has ended. */
export const startSnapshotter = (options: SnapshotterOptions): Promise<void> => {
  const { client, clock, log, signal } = options
  const watching = { clock, log, signal }
  const contents = createInformer(client, volumeSnapshotContents, watching)
  const snapshots = createInformer(client, volumeSnapshots, watching)
  const recorder = createEventRecorder({ client, clock, log, component: `csi-snapshotter ${volumeDriver}` })
  const context: Context = { ...options, contents, snapshots, recorder }
  return startController({
    ...watching,
    name: 'csi-snapshotter',
    sources: [
      source(contents, ({ object }) => (object ? [object.metadata.name] : [])),
      source(snapshots, ({ old, object }) => [(object ?? old)?.status?.boundVolumeSnapshotContentName ?? []].flat()),
    ],
    reconcile: async (name) => {
      const content = contents.get(name)
      if (content?.spec.driver !== volumeDriver) return
      if (content.metadata.deletionTimestamp) await remove(context, content)
      else if (!content.status?.readyToUse) await take(context, content)
    },
  })
}

const handleOf = ({ spec, status }: VolumeSnapshotContent) => status?.snapshotHandle ?? spec.source.snapshotHandle ?? `snapshot-${spec.volumeSnapshotRef.uid}`

async function take(context: Context, content: VolumeSnapshotContent): Promise<void> {
  const { client, folders, standStill, recorder, clock } = context
  await setFinalizers(client, volumeSnapshotContents, content, { add: [finalizer] })
  const handle = handleOf(content)
  const { volumeHandle } = content.spec.source
  try {
    if (volumeHandle) await standStill(await podsWith(client, volumeHandle), () => folders.clone(volumeHandle, handle))
    else if (!folders.has(handle)) throw new Error(`there is no snapshot ${handle}`)
  } catch (error) {
    const message = `Failed to check and update snapshot content: failed to take snapshot of the volume ${volumeHandle ?? handle}: ${JSON.stringify((error as Error).message)}`
    await showStatus(client, content, { readyToUse: false, error: { time: stampOf(clock.now()), message } })
    recorder.event(content, 'Warning', 'SnapshotCreationFailed', message)
    throw error
  }
  const creationTime = content.status?.creationTime ?? clock.now() * 1e6
  await showStatus(client, content, { snapshotHandle: handle, creationTime, restoreSize: await sizeOf(client, volumeHandle), readyToUse: true, error: null })
}

const showStatus = (client: Client, { metadata: { name } }: VolumeSnapshotContent, status: object) =>
  client.patch(volumeSnapshotContents, { name }, { status }, { type: 'merge', subresource: 'status' })

const volumeOf = async (client: Client, handle: string) => (await client.list(persistentVolumes)).items.find(({ spec }) => spec.csi?.volumeHandle === handle)

/** The size of the volume that it was taken of: folders have none of their own. */
async function sizeOf(client: Client, handle: string | undefined): Promise<number> {
  const volume = handle === undefined ? undefined : await volumeOf(client, handle)
  return quantityToInteger(volume?.spec.capacity?.['storage'] ?? '0')
}

/** The Pods that may write to a volume now. */
async function podsWith(client: Client, handle: string): Promise<Pod[]> {
  const ref = (await volumeOf(client, handle))?.spec.claimRef
  return ref?.name === undefined ? [] : writersOf(client, { namespace: ref.namespace, name: ref.name })
}

/** The data go where the policy says so. A content stays while a VolumeSnapshot that is not going needs it. */
async function remove({ client, folders, snapshots, recorder }: Context, content: VolumeSnapshotContent): Promise<void> {
  const { volumeSnapshotRef: ref, deletionPolicy } = content.spec
  const snapshot = snapshots.get(`${ref.namespace}/${ref.name}`)
  const isGoing = content.metadata.annotations?.[beingDeleted] === 'yes'
  if (snapshot && snapshot.metadata.uid === ref.uid && !isGoing) return
  if (deletionPolicy === 'Delete') {
    try {
      await folders.remove(handleOf(content))
    } catch (error) {
      recorder.event(content, 'Warning', 'SnapshotDeleteError', 'Failed to delete snapshot')
      throw error
    }
  }
  await setFinalizers(client, volumeSnapshotContents, content, { remove: [finalizer] })
}
