import type { PersistentVolume } from '../../../base/api/generated/types.ts'
import { persistentVolumeClaims, persistentVolumes } from '../../../base/api/kinds.ts'
import { volumeDriver } from '../../../base/api/volume-driver.ts'
import type { Client } from '../../../base/client/client.ts'

/** Where the volumes of Knarr's own provisioner are, by their handle. Throws where that is none. */
export type VolumePathOf = (handle: string) => string

export interface Mounter {
  readonly node: string
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string }
}

/** The volume is mounted on another node, and may be on one only. The text is upstream's. */
export class MultiAttachError extends Error {
  override readonly name = 'MultiAttachError'
}

/** Which Pods of which node have which volume: shared by the nodes of an agent, so that a volume for one node is not mounted on two. */
export class VolumeAttachments {
  readonly #byVolume = new Map<string, Map<string, Mounter>>()

  attach({ metadata, spec }: PersistentVolume, mounter: Mounter): void {
    const held = this.#byVolume.get(metadata.name) ?? new Map<string, Mounter>()
    const isShared = (spec.accessModes ?? []).some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')
    const elsewhere = [...held.values()].filter(({ node }) => node !== mounter.node)
    if (!isShared && elsewhere.length > 0) throw new MultiAttachError(multiAttachText(metadata.name, elsewhere, mounter))
    this.#byVolume.set(metadata.name, held.set(mounter.pod.uid, mounter))
  }

  /** A Pod has ended, or its node has lost its power. */
  detach(matches: (mounter: Mounter) => boolean): void {
    for (const [volume, held] of this.#byVolume) {
      for (const [uid, mounter] of held) if (matches(mounter)) held.delete(uid)
      if (held.size === 0) this.#byVolume.delete(volume)
    }
  }
}

const multiAttachText = (volume: string, others: readonly Mounter[], { pod }: Mounter): string => {
  const seen = others.filter((other) => other.pod.namespace === pod.namespace).map((other) => other.pod.name)
  const who = seen.length > 0 ? `used by pod(s) ${seen.sort().join(', ')}` : `used by ${others.length} pod(s) in different namespaces`
  return `Multi-Attach error for volume ${JSON.stringify(volume)} Volume is already ${who}`
}

export interface ClaimVolumeOptions {
  readonly client: Client
  readonly attachments: VolumeAttachments
  readonly volumePathOf: VolumePathOf
  readonly mounter: Mounter
}

/** The folder behind a bound claim: PersistentVolumes that are a folder of this machine. */
export const claimPath = async ({ client, attachments, volumePathOf, mounter }: ClaimVolumeOptions, name: string): Promise<string> => {
  const { namespace } = mounter.pod
  const claim = await client.get(persistentVolumeClaims, { namespace, name })
  const volumeName = claim.spec.volumeName
  if (claim.status?.phase !== 'Bound' || !volumeName) throw new Error(`PersistentVolumeClaim is not bound: "${namespace}/${name}"`)
  const volume = await client.get(persistentVolumes, { name: volumeName })
  const { spec } = volume
  if (spec.csi?.driver === volumeDriver) {
    attachments.attach(volume, mounter)
    return volumePathOf(spec.csi.volumeHandle)
  }
  const path = spec.hostPath?.path ?? spec.local?.path
  if (!path) throw new Error(`PersistentVolume "${volumeName}" is not a folder of this machine`)
  return path
}
