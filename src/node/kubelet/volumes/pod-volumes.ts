import { execFile } from 'node:child_process'
import { chmod, mkdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Pod, Volume } from '../../../base/api/generated/types.ts'
import { quantityToNumber } from '../../../base/lib/quantity.ts'
import { writeAtomically } from './atomic-writer.ts'
import { MultiAttachError } from './claim-volumes.ts'
import { shareWithGroup } from './group-ownership.ts'
import { hostPathOf } from './host-path.ts'
import { hasPayload, volumePayload, type PayloadSources } from './payload.ts'

const run = promisify(execFile)

/** A volume that could not be set up: the text of the FailedMount Event. */
export class FailedMountError extends Error {
  override readonly name = 'FailedMountError'
}

export interface VolumeSources extends PayloadSources {
  /** The folder behind a bound claim; throws where there is none. */
  claimPath(claim: string): Promise<string>
  readonly nowMs: number
}

/** The volumes of one Pod below its own folder. Every call is safe to repeat. */
export class PodVolumes {
  readonly #folder: string
  readonly #paths = new Map<string, string>()

  constructor(podFolder: string) {
    this.#folder = join(podFolder, 'volumes')
  }

  /** Makes what is missing and refreshes what is made from API objects. */
  async setUp(pod: Pod, sources: VolumeSources): Promise<void> {
    for (const volume of pod.spec.volumes ?? []) {
      try {
        this.#paths.set(volume.name, await this.#setUpOne(pod, volume, sources))
      } catch (error) {
        if (error instanceof MultiAttachError) throw error
        throw new FailedMountError(`MountVolume.SetUp failed for volume "${volume.name}" : ${(error as Error).message}`, { cause: error })
      }
    }
  }

  /** Where a volume is on the machine; known once it is set up. */
  pathOf(name: string): string | undefined {
    return this.#paths.get(name)
  }

  /** Unmounts and removes them; what a claim or a hostPath points at stays. */
  async tearDown(pod: Pod): Promise<void> {
    for (const volume of pod.spec.volumes ?? []) {
      const path = this.#emptyDirPath(volume)
      if (volume.emptyDir?.medium === 'Memory' && (await isMountPoint(path))) await run('umount', ['-l', path])
    }
    await rm(this.#folder, { recursive: true, force: true })
    this.#paths.clear()
  }

  async #setUpOne(pod: Pod, volume: Volume, sources: VolumeSources): Promise<string> {
    if (hasPayload(volume)) return this.#setUpPayload(pod, volume, sources)
    if (volume.emptyDir) return this.#setUpEmptyDir(pod, volume)
    if (volume.hostPath) return hostPathOf(volume.hostPath)
    const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined)
    if (claim) return this.#setUpClaim(pod, volume, await sources.claimPath(claim))
    throw new Error(
      `volume type is not supported here: ${Object.keys(volume)
        .filter((key) => key !== 'name')
        .join(', ')}`,
    )
  }

  async #setUpClaim(pod: Pod, volume: Volume, path: string): Promise<string> {
    if (!this.#paths.has(volume.name)) await shareWithGroup(path, pod)
    return path
  }

  async #setUpPayload(pod: Pod, volume: Volume, sources: VolumeSources): Promise<string> {
    const kind = volume.configMap ? 'configmap' : volume.secret ? 'secret' : volume.projected ? 'projected' : 'downward-api'
    const folder = join(this.#folder, `kubernetes.io~${kind}`, volume.name)
    const { runAsUser, fsGroup } = pod.spec.securityContext ?? {}
    const isTokenHolder = volume.projected?.sources?.some((source) => source.serviceAccountToken)
    const owner = { gid: fsGroup, ...(isTokenHolder ? { uid: runAsUser } : {}) }
    await writeAtomically(folder, await volumePayload(volume, sources), { nowMs: sources.nowMs, owner })
    return folder
  }

  #emptyDirPath(volume: Volume): string {
    return join(this.#folder, 'kubernetes.io~empty-dir', volume.name)
  }

  async #setUpEmptyDir(pod: Pod, volume: Volume): Promise<string> {
    const path = this.#emptyDirPath(volume)
    if (this.#paths.has(volume.name)) return path
    const isNew = !(await stat(path).catch(() => undefined))
    await mkdir(path, { recursive: true })
    if (volume.emptyDir?.medium === 'Memory' && process.getuid?.() === 0 && !(await isMountPoint(path))) {
      const size = volume.emptyDir.sizeLimit ? [`size=${Math.floor(quantityToNumber(volume.emptyDir.sizeLimit))}`] : []
      await run('mount', ['-t', 'tmpfs', '-o', ['mode=0777', ...size].join(','), 'tmpfs', path])
    }
    if (isNew) await chmod(path, 0o777)
    await shareWithGroup(path, pod)
    return path
  }
}

const isMountPoint = async (path: string): Promise<boolean> => {
  const [own, parent] = await Promise.all([stat(path).catch(() => undefined), stat(dirname(path)).catch(() => undefined)])
  return own !== undefined && own.dev !== parent?.dev
}
