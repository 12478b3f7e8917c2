import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '../../../base/api/generated/types.ts'
import { persistentVolumeClaims, persistentVolumes } from '../../../base/api/kinds.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import type { ControllerContext } from '../controller.ts'
import { isPodTerminating } from '../lib/pods.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { bestVolume, classOf, isReservedFor, misfit } from '../../../base/machinery/volume-match.ts'
import {
  betaStorageProvisioner,
  bindCompleted,
  boundByController,
  noProvisioner,
  selectedNode,
  storageProvisioner,
} from '../../../base/api/volume-annotations.ts'

export interface BinderContext extends ControllerContext {
  readonly volumes: Informer<PersistentVolume>
  readonly claims: Informer<PersistentVolumeClaim>
  readonly classes: Informer<StorageClass>
  readonly allPods: Informer<Pod>
}

/** Brings one claim nearer to a volume. */
export const syncClaim = async (context: BinderContext, claim: PersistentVolumeClaim): Promise<void> => {
  if (claim.metadata.annotations?.[bindCompleted] !== undefined) return checkBound(context, claim)
  const { volumeName } = claim.spec
  const volume = volumeName ? context.volumes.get(volumeName) : findVolume(context, claim)
  if (volume) return bindOrRefuse(context, claim, volume)
  // A volume that is named may still come.
  if (!volumeName && !claim.metadata.deletionTimestamp) await askForVolume(context, claim)
}

const findVolume = (context: BinderContext, claim: PersistentVolumeClaim): PersistentVolume | undefined => {
  const all = context.volumes.list()
  // The scheduler chooses a volume that its node reaches, and reserves it.
  return waitsForConsumer(context, claim) ? all.find((volume) => isReservedFor(volume, claim) && misfit(volume, claim) === undefined) : bestVolume(claim, all)
}

const waitsForConsumer = ({ classes }: BinderContext, claim: PersistentVolumeClaim): boolean =>
  classes.get(classOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer'

const bindOrRefuse = async (context: BinderContext, claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> => {
  const { recorder } = context
  const name = volume.metadata.name
  if (volume.spec.claimRef && !isReservedFor(volume, claim)) {
    recorder.event(claim, 'Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`)
    return
  }
  const fault = misfit(volume, claim)
  if (fault) return recorder.event(claim, 'Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${fault}`)
  await bind(context, claim, volume)
}

/** The volume first, then the claim: whoever reads a bound claim finds its volume bound. */
const bind = async ({ client, log }: BinderContext, claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> => {
  const reserved = await reserve({ client }, claim, volume)
  const { namespace, name } = claim.metadata
  const byUs = claim.spec.volumeName ? {} : { [boundByController]: 'yes' }
  const named = await client.patch(
    persistentVolumeClaims,
    { namespace, name },
    {
      metadata: { annotations: { [bindCompleted]: 'yes', ...byUs }, resourceVersion: claim.metadata.resourceVersion },
      spec: { volumeName: reserved.metadata.name },
    },
    { type: 'merge' },
  )
  await client.update(persistentVolumeClaims, { ...named, status: { ...named.status, ...boundStatus(reserved) } }, { subresource: 'status' })
  log.debug({ claim: keyOf(claim), volume: reserved.metadata.name }, 'bound')
}

const boundStatus = ({ spec }: PersistentVolume) => ({ phase: 'Bound', accessModes: spec.accessModes ?? [], capacity: spec.capacity ?? {} })

const reserve = async ({ client }: Pick<BinderContext, 'client'>, { metadata }: PersistentVolumeClaim, volume: PersistentVolume): Promise<PersistentVolume> => {
  if (volume.spec.claimRef?.uid === metadata.uid) return volume
  const { namespace, name, uid, resourceVersion } = metadata
  const claimRef = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid, resourceVersion }
  // A reservation that a person made stays theirs when the claim goes.
  const byUs = volume.spec.claimRef ? {} : { annotations: { [boundByController]: 'yes' } }
  const patch = { metadata: { ...byUs, resourceVersion: volume.metadata.resourceVersion }, spec: { claimRef } }
  return client.patch(persistentVolumes, { name: volume.metadata.name }, patch, { type: 'merge' })
}

/** A bound claim stays bound; without its volume it is lost, and a volume that grew shows in it. */
const checkBound = async ({ client, volumes, recorder }: BinderContext, claim: PersistentVolumeClaim): Promise<void> => {
  const volume = volumes.get(claim.spec.volumeName ?? '')
  const isOurs = volume !== undefined && isReservedFor(volume, claim)
  if (isOurs) {
    const status = { ...claim.status, phase: 'Bound', ...(claim.status.capacity ? {} : boundStatus(volume)) }
    if (!semanticEqual(status, claim.status)) await client.update(persistentVolumeClaims, { ...claim, status }, { subresource: 'status' })
    return
  }
  if (claim.status.phase === 'Lost') return
  await client.update(persistentVolumeClaims, { ...claim, status: { phase: 'Lost' } }, { subresource: 'status' })
  if (volume) recorder.event(claim, 'Warning', 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly')
  else recorder.event(claim, 'Warning', 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!')
}

/** Nothing fits: says what the claim waits for, and names the provisioner that is to make a volume. */
const askForVolume = async (context: BinderContext, claim: PersistentVolumeClaim): Promise<void> => {
  const { recorder, classes } = context
  const name = classOf(claim)
  if (name === '') {
    recorder.event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set')
    return
  }
  if (waitsForConsumer(context, claim) && !claim.metadata.annotations?.[selectedNode]) return tellWhatItWaitsFor(context, claim)
  const found = classes.get(name)
  if (!found) {
    recorder.event(claim, 'Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${name}" not found`)
    return
  }
  const { provisioner } = found
  if (provisioner === noProvisioner) {
    recorder.event(claim, 'Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set')
    return
  }
  await nameProvisioner(context, claim, provisioner)
  const help = 'If volume creation is delayed, please verify that the provisioner is running and correctly registered.'
  const who = `the external provisioner '${provisioner}' or manually by the system administrator`
  recorder.event(claim, 'Normal', 'ExternalProvisioning', `Waiting for a volume to be created either by ${who}. ${help}`)
}

const nameProvisioner = async ({ client }: BinderContext, claim: PersistentVolumeClaim, provisioner: string): Promise<void> => {
  if (claim.metadata.annotations?.[storageProvisioner] === provisioner) return
  const { namespace, name, resourceVersion } = claim.metadata
  const annotations = { [storageProvisioner]: provisioner, [betaStorageProvisioner]: provisioner }
  await client.patch(persistentVolumeClaims, { namespace, name }, { metadata: { annotations, resourceVersion } }, { type: 'merge' })
}

const tellWhatItWaitsFor = ({ recorder, allPods }: BinderContext, claim: PersistentVolumeClaim): void => {
  const { namespace, name } = claim.metadata
  const consumers = allPods
    .list(namespace)
    .filter((pod) => !isPodTerminating(pod) && pod.spec.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === name))
  const [first] = consumers.map((pod) => pod.metadata.name).sort()
  if (first === undefined) recorder.event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
  else recorder.event(claim, 'Normal', 'WaitForPodScheduled', `waiting for pod ${first} to be scheduled`)
}
