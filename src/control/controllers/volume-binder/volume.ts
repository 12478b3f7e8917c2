import type { PersistentVolume, PersistentVolumeClaim } from '../../../base/api/generated/types.ts'
import { persistentVolumes } from '../../../base/api/kinds.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import type { BinderContext } from './claim.ts'

/** Keeps a volume's phase true: Available, Bound, Released (its claim is gone), Failed (cannot be reclaimed as asked). */
export const syncVolume = async (context: BinderContext, volume: PersistentVolume): Promise<void> => {
  const { client, clock, recorder } = context
  const phase = phaseOf(volume, claimOf(context, volume))
  if (phase === undefined || phase === volume.status?.phase) return
  const failure = phase === 'Failed' ? { reason: 'RecyclingFailed', message: recyclingMessage } : {}
  const status = { phase, lastPhaseTransitionTime: stampOf(clock.now()), ...failure }
  await client.update(persistentVolumes, { ...volume, status }, { subresource: 'status' })
  if (phase === 'Failed') recorder.event(volume, 'Warning', 'VolumeFailedRecycle', recyclingMessage)
}

const recyclingMessage = 'No recycler plugin found for the volume!'

const claimOf = ({ claims }: BinderContext, { spec }: PersistentVolume): PersistentVolumeClaim | undefined => {
  const claim = claims.get(`${spec.claimRef?.namespace}/${spec.claimRef?.name}`)
  return claim?.metadata.uid === spec.claimRef?.uid ? claim : undefined
}

/** Deleting a released volume is the work of who made it. */
const phaseOf = ({ spec, status, metadata }: PersistentVolume, claim: PersistentVolumeClaim | undefined): string | undefined => {
  if (!spec.claimRef?.uid) return 'Available'
  if (claim) return claim.spec.volumeName === metadata.name ? 'Bound' : (status?.phase ?? 'Available')
  if (status?.phase === 'Failed') return undefined
  return status?.phase === 'Released' && spec.persistentVolumeReclaimPolicy === 'Recycle' ? 'Failed' : 'Released'
}
