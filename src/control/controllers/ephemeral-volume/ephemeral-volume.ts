import type { PersistentVolumeClaim, Pod, Volume } from '../../../base/api/generated/types.ts'
import { persistentVolumeClaims, pods } from '../../../base/api/kinds.ts'
import type { Draft } from '../../../base/api/object.ts'
import { controllerRef, isControlledBy } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { TerminalError } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { isPodActive } from '../lib/pods.ts'

/** Makes the claims of generic ephemeral volumes; they are their Pod's own and go with it. */
export const ephemeralVolumeController: Controller = {
  name: 'ephemeral-volume-controller',
  start(context) {
    const allPods = context.informers.of(pods)
    const claims = context.informers.of(persistentVolumeClaims)
    return startController({
      ...machinery(context),
      name: 'ephemeral-volume-controller',
      sources: [source(allPods, ({ old, object }) => (object && !old && object.spec.volumes?.some(({ ephemeral }) => ephemeral) ? [keyOfPod(object)] : []))],
      reconcile: async (key) => {
        const pod = allPods.get(key)
        await claims.synced
        if (!pod || !isPodActive(pod)) return
        for (const volume of pod.spec.volumes ?? []) if (volume.ephemeral) await ensureClaim(context, { pod, volume, known: claims.get(claimKey(pod, volume)) })
      },
    })
  },
}

const keyOfPod = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`

const claimKey = ({ metadata }: Pod, volume: Volume): string => `${metadata.namespace}/${metadata.name}-${volume.name}`

interface Wanted {
  readonly pod: Pod
  readonly volume: Volume
  readonly known: PersistentVolumeClaim | undefined
}

const ensureClaim = async ({ client, recorder }: ControllerContext, { pod, volume, known }: Wanted): Promise<void> => {
  const { namespace } = pod.metadata
  const name = `${pod.metadata.name}-${volume.name}`
  if (known) {
    if (isControlledBy(known, pod)) return
    throw new TerminalError(`PVC ${namespace}/${name} was not created for pod ${keyOfPod(pod)} (pod is not owner)`)
  }
  const template = volume.ephemeral?.volumeClaimTemplate
  const { labels, annotations } = template?.metadata ?? {}
  const draft = { metadata: { name, namespace, labels, annotations, ownerReferences: [controllerRef(pods, pod)] }, spec: template?.spec }
  try {
    await client.create(persistentVolumeClaims, draft as Draft<PersistentVolumeClaim>)
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return
    recorder.event(pod, 'Warning', 'FailedCreate', `ephemeral volume controller failed to create claim ${name}: ${(error as Error).message}`)
    throw error
  }
}
