import type { PersistentVolumeClaim } from '../../../base/api/generated/types.ts'
import { isControlledBy } from '../../../base/client/owner-ref.ts'
import { refuse, refuseForGood, type Refusal, type SchedulerPlugin } from '../plugin.ts'
import type { PodInfo, Snapshot } from '../snapshot.ts'
import { claimNamesOf, isBound, planVolumes, reaches, waitsForConsumer } from '../storage-view.ts'

/** Keeps Pods to nodes that reach their volumes, and lets none through before its claims can be served. */
export const volumeBinding: SchedulerPlugin = {
  name: 'VolumeBinding',
  preFilter: ({ pod }, { storage }) => {
    const namespace = pod.metadata.namespace ?? ''
    for (const { name, isEphemeral } of claimNamesOf(pod)) {
      const claim = storage.claim(namespace, name)
      if (!claim && isEphemeral) return refuseForGood(`waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`)
      if (!claim) return refuseForGood(`persistentvolumeclaim "${name}" not found`)
      if (claim.status?.phase === 'Lost')
        return refuseForGood(`persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName}"`)
      if (claim.metadata.deletionTimestamp) return refuseForGood(`persistentvolumeclaim "${name}" is being deleted`)
      if (isEphemeral && !isControlledBy(claim, pod))
        return refuseForGood(`PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`)
    }
    const unbound = claimsOf({ pod }, storage).filter((claim) => !isBound(claim))
    return unbound.every((claim) => waitsForConsumer(storage, claim) && !claim.spec.volumeName)
      ? undefined
      : refuseForGood('pod has unbound immediate PersistentVolumeClaims')
  },
  filter: (info, { storage }) => {
    const claims = claimsOf(info, storage)
    if (claims.length === 0) return undefined
    const volumes = claims.filter(isBound).map((claim) => storage.volume(claim.spec.volumeName ?? ''))
    const waiting = claims.filter((claim) => !isBound(claim))
    return (node): Refusal | undefined => {
      if (volumes.some((volume) => volume && !reaches(volume, node))) return refuseForGood("node(s) didn't match PersistentVolume's node affinity")
      return waiting.length === 0 || planVolumes(storage, waiting, node) ? undefined : refuseForGood("node(s) didn't find available persistent volumes to bind")
    }
  },
}

const claimsOf = ({ pod }: Pick<PodInfo, 'pod'>, storage: Snapshot['storage']): readonly PersistentVolumeClaim[] =>
  claimNamesOf(pod).flatMap(({ name }) => storage.claim(pod.metadata.namespace ?? '', name) ?? [])

/** Keeps a claim of ReadWriteOncePod to one Pod in the whole cluster. */
export const volumeRestrictions: SchedulerPlugin = {
  name: 'VolumeRestrictions',
  filter: (info, { storage, nodes }) => {
    const namespace = info.pod.metadata.namespace ?? ''
    const single = claimsOf(info, storage)
      .filter(({ spec }) => spec.accessModes?.includes('ReadWriteOncePod'))
      .map(({ metadata }) => metadata.name)
    if (single.length === 0) return undefined
    const isUsing = (other: PodInfo) => other.pod.metadata.namespace === namespace && claimNamesOf(other.pod).some(({ name }) => single.includes(name))
    const isTaken = nodes.some(({ pods }) => [...pods.values()].some(isUsing))
    return isTaken ? () => refuse('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode') : undefined
  },
}
