// Which volume may serve which claim. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding
import type { PersistentVolume, PersistentVolumeClaim } from '../api/generated/types.ts'
import { compareQuantities } from '../lib/quantity.ts'
import { matchesLabelSelector } from './selectors.ts'

const betaClass = 'volume.beta.kubernetes.io/storage-class'

/** `''` is a class of its own: volumes without any. */
export const classOf = ({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string =>
  metadata.annotations?.[betaClass] ?? spec.storageClassName ?? ''

export const isReservedFor = ({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean =>
  spec.claimRef?.namespace === metadata.namespace && spec.claimRef?.name === metadata.name && (!spec.claimRef?.uid || spec.claimRef.uid === metadata.uid)

/** Why a volume that a claim names cannot serve it; undefined where it can. */
export const misfit = (volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined => {
  const wanted = claim.spec.resources?.requests?.['storage'] ?? '0'
  if (compareQuantities(volume.spec.capacity?.['storage'] ?? '0', wanted) < 0) return 'requested PV is too small'
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match'
  if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) return 'incompatible volumeMode'
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode'
}

const hasModes = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  (claim.spec.accessModes ?? []).every((mode) => volume.spec.accessModes?.includes(mode))

/** The volume for a claim: one that is reserved for it, else the smallest that is free and fits. */
export const bestVolume = (
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  isReachable: (volume: PersistentVolume) => boolean = () => true,
): PersistentVolume | undefined => {
  const fitting = volumes.filter((volume) => !volume.metadata.deletionTimestamp && misfit(volume, claim) === undefined)
  const reserved = fitting.find((volume) => isReservedFor(volume, claim))
  if (reserved) return reserved
  return fitting
    .filter((volume) => !volume.spec.claimRef && matchesLabelSelector(claim.spec.selector ?? {}, volume.metadata.labels) && isReachable(volume))
    .sort((a, b) => compareQuantities(sizeOf(a), sizeOf(b)) || (a.metadata.name < b.metadata.name ? -1 : 1))[0]
}

const sizeOf = ({ spec }: PersistentVolume): string => spec.capacity?.['storage'] ?? '0'
