import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../base/api/generated/types.ts'
import { persistentVolumeClaims, persistentVolumes } from '../../base/api/kinds.ts'
import { boundByController, selectedNode } from '../../base/api/volume-annotations.ts'
import type { Client } from '../../base/client/client.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { NodeInfo } from './snapshot.ts'
import { claimNamesOf, isBound, planVolumes, type StorageView } from './storage-view.ts'

// As upstream's bindTimeoutSeconds.
const patienceMs = 600_000

export interface BindVolumesOptions {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly claims: Informer<PersistentVolumeClaim>
  readonly storage: StorageView
}

/** Claims of a Pod that still wait; empty for nearly every Pod. */
export const waitingClaims = (pod: Pod, storage: StorageView): readonly PersistentVolumeClaim[] =>
  claimNamesOf(pod).flatMap(({ name }) => {
    const claim = storage.claim(pod.metadata.namespace ?? '', name)
    return claim && !isBound(claim) ? [claim] : []
  })

/**
 * Serves the claims that waited for this Pod, on its node: reserves volumes that are there, asks for those that are not, and waits until all
 * are bound. Throws where that fails, or where the node was given up meanwhile.
 */
export const bindVolumes = async (options: BindVolumesOptions, pod: Pod, node: NodeInfo): Promise<void> => {
  const { storage } = options
  const waiting = waitingClaims(pod, storage)
  if (waiting.length === 0) return
  const plan = planVolumes(storage, waiting, node)
  if (!plan) throw new Error('the volumes that were found are taken')
  for (const [claim, volume] of plan.bind) await reserve(options.client, claim, volume)
  for (const claim of plan.provision) await selectNode(options.client, claim, node.name)
  await untilBound(options, waiting, new Set(plan.provision.map(({ metadata }) => metadata.uid)))
}

const reserve = async (client: Client, { metadata }: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> => {
  const { namespace, name, uid } = metadata
  if (volume.spec.claimRef?.uid === uid) return
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid }
  const { resourceVersion } = volume.metadata
  const patch = { metadata: { annotations: { [boundByController]: 'yes' }, resourceVersion }, spec: { claimRef } }
  await client.patch(persistentVolumes, { name: volume.metadata.name }, patch, { type: 'merge' })
}

const selectNode = async (client: Client, { metadata }: PersistentVolumeClaim, node: string): Promise<void> => {
  const { namespace, name, resourceVersion } = metadata
  const patch = { metadata: { annotations: { [selectedNode]: node }, resourceVersion } }
  await client.patch(persistentVolumeClaims, { namespace, name }, patch, { type: 'merge' })
}

const untilBound = (
  { claims, clock, signal }: BindVolumesOptions,
  waiting: readonly PersistentVolumeClaim[],
  provisioned: ReadonlySet<string>,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const open = new Set(waiting.map(({ metadata }) => metadata.uid))
    const chosen = new Set<string>()
    const end = (error?: Error) => {
      stop()
      cancel()
      signal.removeEventListener('abort', aborted)
      if (error) reject(error)
      else resolve()
    }
    const aborted = () => end(signal.reason as Error)
    const cancel = clock.after(patienceMs, () => end(new Error('timed out waiting for the volumes to be bound')))
    let stop = () => {}
    signal.addEventListener('abort', aborted, { once: true })
    stop = claims.onChange(({ old, object }) => {
      const uid = (object ?? old)?.metadata.uid ?? ''
      if (!open.has(uid)) return
      if (!object) return end(new Error('a claim was deleted'))
      if (isBound(object) && object.status?.phase === 'Bound') open.delete(uid)
      if (open.size === 0) return end()
      // A provisioner that cannot serve the node takes the choice back.
      if (object.metadata.annotations?.[selectedNode] !== undefined) chosen.add(uid)
      else if (provisioned.has(uid) && chosen.has(uid)) end(new Error('provisioning failed on the selected node'))
    })
  })
