import type { PersistentVolumeClaim, Pod } from '../../base/api/generated/types.ts'
import { persistentVolumeClaims, persistentVolumes, pods, volumeSnapshotContents, volumeSnapshots } from '../../base/api/kinds.ts'
import { volumeDriver } from '../../base/api/volume-driver.ts'
import type { Client } from '../../base/client/client.ts'
import { compareQuantities, quantityToInteger } from '../../base/lib/quantity.ts'

/** What a new volume is filled from: the folder of that handle, and the claim whose Pods may be writing to it. */
export interface DataSource {
  readonly handle: string
  readonly claim?: { readonly namespace: string | undefined; readonly name: string }
}

/** Undefined: the volume begins empty. Throws, in the words of the external-provisioner, where it cannot be filled (yet). */
export async function dataSourceOf(client: Client, claim: PersistentVolumeClaim): Promise<DataSource | undefined> {
  const wanted = claim.spec.dataSourceRef ?? claim.spec.dataSource
  if (!wanted) return undefined
  const { kind, apiGroup, name } = wanted
  if ('namespace' in wanted && wanted.namespace) throw new Error('accessing namespace of dataSourceRef is not supported here')
  if (kind === 'VolumeSnapshot' && apiGroup === volumeSnapshots.group) return snapshotSource(client, claim, name)
  if (kind === 'PersistentVolumeClaim' && !apiGroup) return claimSource(client, claim, name)
  throw new Error(`unsupported DataSource: ${apiGroup ? `${apiGroup}/` : ''}${kind}`)
}

const sizeOf = (claim: PersistentVolumeClaim) => claim.spec.resources?.requests?.['storage'] ?? '0'

async function snapshotSource(client: Client, claim: PersistentVolumeClaim, name: string): Promise<DataSource> {
  const failed = (why: string) => new Error(`error getting handle for DataSource Type VolumeSnapshot by Name ${name}: ${why}`)
  const { namespace } = claim.metadata
  const snapshot = await client.get(volumeSnapshots, { namespace, name }).catch((error: Error) => {
    throw failed(`error getting snapshot ${name} from api server: ${error.message}`)
  })
  if (snapshot.metadata.deletionTimestamp) throw failed(`snapshot ${name} is currently being deleted`)
  const contentName = snapshot.status?.boundVolumeSnapshotContentName
  if (!contentName) throw failed(`snapshot ${name} not bound`)
  const { spec, status } = await client.get(volumeSnapshotContents, { name: contentName })
  const { volumeSnapshotRef: ref, driver } = spec
  if (ref.uid !== snapshot.metadata.uid || ref.namespace !== namespace || ref.name !== name)
    throw failed(`snapshotContent ${contentName} for snapshot ${name} is not bound`)
  if (driver !== volumeDriver) throw failed('requested volume and snapshot are of different drivers')
  if (!snapshot.status?.readyToUse || !status?.snapshotHandle) throw failed(`snapshot ${name} is not Ready`)
  const [requested, least] = [quantityToInteger(sizeOf(claim)), status.restoreSize ?? 0]
  if (requested < least) throw failed(`requested volume size ${requested} is less than the size ${least} for the source snapshot ${name}`)
  return { handle: status.snapshotHandle }
}

async function claimSource(client: Client, claim: PersistentVolumeClaim, name: string): Promise<DataSource> {
  const failed = (why: string) => new Error(`error getting handle for DataSource Type PersistentVolumeClaim by Name ${name}: ${why}`)
  const { namespace } = claim.metadata
  const found = await client.get(persistentVolumeClaims, { namespace, name }).catch((error: Error) => {
    throw failed(`error getting PVC ${name} (namespace "${namespace}") from api server: ${error.message}`)
  })
  if (found.metadata.deletionTimestamp) throw failed(`the PVC DataSource ${name} is currently being deleted`)
  if (found.status?.phase !== 'Bound' || !found.spec.volumeName) throw failed('the PVC DataSource is not bound')
  const least = found.status.capacity?.['storage'] ?? '0'
  if (compareQuantities(sizeOf(claim), least) < 0)
    throw failed(
      `new PVC request must be greater than or equal in size to the specified PVC data source, requested ${quantityToInteger(sizeOf(claim))} but source is ${quantityToInteger(least)}`,
    )
  const { spec } = await client.get(persistentVolumes, { name: found.spec.volumeName })
  if (spec.csi?.driver !== volumeDriver) throw failed('the source volume was not made by this provisioner')
  return { handle: spec.csi.volumeHandle, claim: { namespace, name } }
}

/** The Pods that may be writing to a claim's volume now. */
export async function writersOf(client: Client, claim: { readonly namespace: string | undefined; readonly name: string }): Promise<Pod[]> {
  const { items } = await client.list(pods, { namespace: claim.namespace })
  const mounts = ({ spec }: Pod) => (spec.volumes ?? []).some(({ persistentVolumeClaim: mounted }) => mounted?.claimName === claim.name)
  return items.filter((pod) => pod.status?.phase === 'Running' && mounts(pod))
}
