import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { canClone } from '../../node/storage/clone.ts'
import { UserError } from '../cluster/errors.ts'
import { lockOf, type UpRequest, type UpResult } from '../cluster/lifecycle.ts'
import { withLock } from '../cluster/lock.ts'
import { contextName } from '../cluster/names.ts'
import { profilePaths, type Profile, type ProfilePaths } from '../cluster/profile.ts'
import { captureState, readState, stateFiles } from './capture.ts'
import { type Manifest } from './manifest.ts'
import { replaceState } from './replace-state.ts'

/** A saved state below the profile's own folder: it goes with the profile. */
export interface Snapshot {
  readonly name: string
  readonly manifest: Manifest
}

/** Whether the filesystem keeps snapshots without copying. */
export const isCheap = (home: string, profile: Profile): boolean => canClone(profilePaths(home, profile.name).directory)

/** Refuses a name that exists, unless it is to be replaced. */
export const saveSnapshot = (home: string, profile: Profile, { name, replace }: { name: string; replace: boolean }): Promise<Manifest> =>
  withLock(lockOf(home, profile.name), async () => {
    const paths = profilePaths(home, profile.name)
    const folder = folderOf(paths, name)
    if (existsSync(folder) && !replace)
      throw new UserError(
        `there is a snapshot ${name} already. Replace it with: knarr snapshot save ${name} --force    or remove it: knarr snapshot rm ${name}`,
      )
    const draft = draftOf(paths)
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft, { recursive: true, mode: 0o700 })
    try {
      const manifest = await captureState(home, profile, draft)
      const old = join(paths.snapshots, '.old')
      rmSync(old, { recursive: true, force: true })
      if (existsSync(folder)) renameSync(folder, old)
      renameSync(draft, folder)
      rmSync(old, { recursive: true, force: true })
      return manifest
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
  })

export const loadSnapshot = (request: UpRequest, profile: Profile, name: string): Promise<UpResult> =>
  replaceState(request, async (known = profile) => {
    const folder = existing(request.home, known, name)
    const { manifest, dump } = readState(`the snapshot ${name}`, folder)
    if (manifest.profile.runtime !== known.runtime)
      throw new UserError(
        `the snapshot ${name} is of a cluster with --runtime ${manifest.profile.runtime}, and ${contextName(known)} was made with --runtime ${known.runtime}`,
      )
    return {
      // Ports and kubeconfig are those of today; nodes come and go with the state.
      profile: { ...known, nodes: manifest.profile.nodes },
      entries: dump.entries,
      revision: dump.revision,
      volumes: { from: join(folder, stateFiles.volumes), by: 'copy' },
    }
  })

/** The newest last. */
export function listSnapshots(home: string, profile: Profile): Snapshot[] {
  const { snapshots } = profilePaths(home, profile.name)
  if (!existsSync(snapshots)) return []
  return readdirSync(snapshots)
    .filter((name) => !name.startsWith('.'))
    .map((name) => ({ name, manifest: readState(`the snapshot ${name}`, join(snapshots, name)).manifest }))
    .sort((a, b) => a.manifest.createdAt.localeCompare(b.manifest.createdAt))
}

export const removeSnapshot = (home: string, profile: Profile, name: string): Promise<void> =>
  withLock(lockOf(home, profile.name), async () => {
    const folder = existing(home, profile, name)
    const draft = draftOf(profilePaths(home, profile.name))
    // Gone at once under its name, whatever happens while its files are removed.
    await rm(draft, { recursive: true, force: true })
    renameSync(folder, draft)
    await rm(draft, { recursive: true, force: true })
  })

function existing(home: string, profile: Profile, name: string): string {
  const paths = profilePaths(home, profile.name)
  const folder = folderOf(paths, name)
  if (!existsSync(folder)) throw new UserError(`cluster ${contextName(profile)} has no snapshot ${name}. See: knarr snapshot ls`)
  return folder
}

const folderOf = (paths: ProfilePaths, name: string) => join(paths.snapshots, name)
const draftOf = (paths: ProfilePaths) => join(paths.snapshots, '.draft')
