import type { Pod } from '../../../base/api/generated/types.ts'
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../../base/api/kinds.ts'
import { keyOf } from '../../../base/api/object.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, machinery } from '../controller.ts'
import { type BinderContext, syncClaim } from './claim.ts'
import { syncVolume } from './volume.ts'

// As upstream: what waits is looked at again this often, so that its Events go on telling why.
const resyncMs = 15_000

/** Binds claims to volumes, and asks provisioners for volumes that are missing. */
export const volumeBinder: Controller = {
  name: 'persistentvolume-controller',
  serviceAccount: 'persistent-volume-binder',
  start(context) {
    const { informers } = context
    const volumes = informers.of(persistentVolumes)
    const claims = informers.of(persistentVolumeClaims)
    const binder: BinderContext = { ...context, volumes, claims, classes: informers.of(storageClasses), allPods: informers.of(pods) }
    const waiting = () => claims.list().filter((claim) => claim.status?.phase !== 'Bound')
    return startController({
      ...machinery(context),
      name: 'persistentvolume-controller',
      // One at a time: two claims must not choose the same volume, nor one claim two.
      workers: 1,
      sources: [
        source(claims, ({ old, object }) => {
          const claim = object ?? old
          return claim ? [`claim ${keyOf(claim)}`, ...(claim.spec.volumeName ? [`volume ${claim.spec.volumeName}`] : [])] : []
        }),
        source(volumes, ({ old, object }) => [
          `volume ${(object ?? old)?.metadata.name}`,
          ...((object ?? old) ? boundClaims(binder, (object ?? old)!.metadata.name) : []),
          ...waiting().map((claim) => `claim ${keyOf(claim)}`),
        ]),
        source(binder.classes, () => waiting().map((claim) => `claim ${keyOf(claim)}`)),
        source(binder.allPods, ({ old, object }) => (old && object ? [] : claimsOf(object ?? old).map((key) => `claim ${key}`))),
      ],
      reconcile: (key) => reconcile(binder, key),
    })
  },
}

const boundClaims = ({ claims }: BinderContext, volume: string): readonly string[] =>
  claims
    .list()
    .filter((claim) => claim.spec.volumeName === volume)
    .map((claim) => `claim ${keyOf(claim)}`)

const claimsOf = (pod: Pod | undefined): readonly string[] =>
  (pod?.spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => (claim ? `${pod?.metadata.namespace}/${claim.claimName}` : []))

const reconcile = async (binder: BinderContext, key: string): Promise<ReconcileResult> => {
  const [kind, name = ''] = key.split(' ')
  if (kind === 'volume') {
    const volume = binder.volumes.get(name)
    return volume && syncVolume(binder, volume)
  }
  const claim = binder.claims.get(name)
  if (!claim) return
  await syncClaim(binder, claim)
  return claim.status?.phase === 'Pending' && !claim.metadata.deletionTimestamp ? { requeueAfterMs: resyncMs } : undefined
}
