// Volumes and claims that are in use stay until they are not.
// https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import { persistentVolumeClaims, persistentVolumes, pods } from '../../../base/api/kinds.ts'
import { keyOf, type KubeObject } from '../../../base/api/object.ts'
import { claimProtection, volumeProtection } from '../../../base/api/volume-annotations.ts'
import type { Client } from '../../../base/client/client.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'
import { isPodFinished } from '../lib/pods.ts'

/** Keeps a claim that is being deleted while a Pod mounts it. */
export const claimProtectionController: Controller = {
  name: 'pvc-protection-controller',
  start(context) {
    const claims = context.informers.of(persistentVolumeClaims)
    const allPods = context.informers.of(pods)
    const isUsed = (claim: PersistentVolumeClaim) =>
      allPods.list(claim.metadata.namespace).some((pod) => !isPodFinished(pod) && Boolean(pod.spec.nodeName) && claimKeys(pod).includes(keyOf(claim)))
    return startController({
      ...machinery(context),
      name: 'pvc-protection-controller',
      sources: [
        source(claims, keysOfChange),
        source(allPods, ({ old, object }) => (object && !isPodFinished(object) ? [] : claimKeys((object ?? old) as Pod))),
      ],
      reconcile: async (key) => {
        const claim = claims.get(key)
        if (claim) await protect(context.client, { kind: persistentVolumeClaims, finalizer: claimProtection, object: claim, isUsed: () => isUsed(claim) })
      },
    })
  },
}

const claimKeys = (pod: Pod): readonly string[] =>
  (pod.spec.volumes ?? []).flatMap((volume) => {
    const name = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined)
    return name === undefined ? [] : [`${pod.metadata.namespace}/${name}`]
  })

/** Keeps a volume that is being deleted while it is bound. */
export const volumeProtectionController: Controller = {
  name: 'pv-protection-controller',
  start(context) {
    const volumes = context.informers.of(persistentVolumes)
    return startController({
      ...machinery(context),
      name: 'pv-protection-controller',
      sources: [source(volumes, keysOfChange)],
      reconcile: async (key) => {
        const volume = volumes.get(key)
        const isUsed = () => volume?.status?.phase === 'Bound'
        if (volume) await protect(context.client, { kind: persistentVolumes, finalizer: volumeProtection, object: volume, isUsed })
      },
    })
  },
}

interface Protected<T extends KubeObject> {
  readonly kind: Kind<T>
  readonly finalizer: string
  readonly object: T
  readonly isUsed: () => boolean
}

/** Adds the finalizer to what lives without it, and takes it from what is to go and is not used. */
const protect = async <T extends PersistentVolume | PersistentVolumeClaim>(
  client: Client,
  { kind, finalizer, object, isUsed }: Protected<T>,
): Promise<void> => {
  const { namespace, name, resourceVersion, deletionTimestamp, finalizers = [] } = object.metadata
  const has = finalizers.includes(finalizer)
  const isLeaving = deletionTimestamp !== undefined
  if (isLeaving ? !has || isUsed() : has) return
  const next = isLeaving ? finalizers.filter((one) => one !== finalizer) : [...finalizers, finalizer]
  await client.patch(kind, { namespace, name }, { metadata: { finalizers: next.length > 0 ? next : null, resourceVersion } }, { type: 'merge' })
}
