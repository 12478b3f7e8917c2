import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../../base/api/generated/types.ts'
import { bindCompleted, noProvisioner } from '../../base/api/volume-annotations.ts'
import { bestVolume, classOf, isReservedFor } from '../../base/machinery/volume-match.ts'
import { matchesNodeTerm } from '../../base/machinery/node-matching.ts'
import type { NodeInfo } from './snapshot.ts'

/** Claims, volumes and classes as the scheduler sees them. */
export interface StorageView {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  volumes(): readonly PersistentVolume[]
  class(name: string): StorageClass | undefined
}

export interface MountedClaim {
  readonly name: string
  /** Made for this Pod alone, from the template of a generic ephemeral volume. */
  readonly isEphemeral: boolean
}

/** The claims that a Pod mounts. */
export const claimNamesOf = (pod: Pod): readonly MountedClaim[] =>
  (pod.spec.volumes ?? []).flatMap((volume): readonly MountedClaim[] => {
    if (volume.persistentVolumeClaim) return [{ name: volume.persistentVolumeClaim.claimName, isEphemeral: false }]
    return volume.ephemeral ? [{ name: `${pod.metadata.name}-${volume.name}`, isEphemeral: true }] : []
  })

export const isBound = (claim: PersistentVolumeClaim): boolean => Boolean(claim.spec.volumeName) && claim.metadata.annotations?.[bindCompleted] !== undefined

export const waitsForConsumer = (view: StorageView, claim: PersistentVolumeClaim): boolean =>
  view.class(classOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer'

export const reaches = ({ spec }: PersistentVolume, { node }: NodeInfo): boolean => {
  const required = spec.nodeAffinity?.required
  return required === undefined || (required.nodeSelectorTerms ?? []).some((term) => matchesNodeTerm(term, node))
}

/** How the claims of a Pod that wait for their first consumer would be served on a node. */
export interface VolumePlan {
  /** Volumes that exist, by the claim they would serve. */
  readonly bind: ReadonlyMap<PersistentVolumeClaim, PersistentVolume>
  /** Claims whose volume is to be made. */
  readonly provision: readonly PersistentVolumeClaim[]
}

/** Undefined where the node can serve one of them in no way. */
export const planVolumes = (view: StorageView, waiting: readonly PersistentVolumeClaim[], node: NodeInfo): VolumePlan | undefined => {
  const bind = new Map<PersistentVolumeClaim, PersistentVolume>()
  const provision: PersistentVolumeClaim[] = []
  for (const claim of waiting) {
    const taken = new Set(bind.values())
    const free = view.volumes().filter((volume) => !taken.has(volume) && (!isReservedFor(volume, claim) || reaches(volume, node)))
    const volume = bestVolume(claim, free, (candidate) => reaches(candidate, node))
    if (volume) bind.set(claim, volume)
    else if (canProvision(view, claim, node)) provision.push(claim)
    else return undefined
  }
  return { bind, provision }
}

const canProvision = (view: StorageView, claim: PersistentVolumeClaim, { node }: NodeInfo): boolean => {
  const found = view.class(classOf(claim))
  if (!found || found.provisioner === noProvisioner) return false
  const topologies = found.allowedTopologies ?? []
  return (
    topologies.length === 0 ||
    topologies.some((term) => (term.matchLabelExpressions ?? []).every(({ key, values }) => values?.includes(node.metadata.labels?.[key] ?? '')))
  )
}
