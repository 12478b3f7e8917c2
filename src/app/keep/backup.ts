import { cpSync, existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { conflictsOf, rangesOf, takenRanges } from '../../node/network/ranges.ts'
import { UserError } from '../cluster/errors.ts'
import { lockOf, type UpRequest, type UpResult } from '../cluster/lifecycle.ts'
import { withLock } from '../cluster/lock.ts'
import { contextName } from '../cluster/names.ts'
import { profilePaths, type Profile, type ProfilePaths } from '../cluster/profile.ts'
import { scratchOf } from '../cluster/replacement.ts'
import { packArchive, readFirstMember, unpackArchive } from './archive.ts'
import { captureState, readState, stateFiles } from './capture.ts'
import { type Manifest, parseManifest } from './manifest.ts'
import { replaceState } from './replace-state.ts'

const pkiFolder = 'pki'

/** Writes a cluster with its volumes, certificates and keys to one file. It may run meanwhile. */
export const writeBackup = (home: string, profile: Profile, file: string): Promise<Manifest> =>
  withLock(lockOf(home, profile.name), async () => {
    const paths = profilePaths(home, profile.name)
    const scratch = freshScratch(paths)
    try {
      const manifest = await captureState(home, profile, scratch)
      cpSync(paths.pki, join(scratch, pkiFolder), { recursive: true })
      // The manifest comes first, so that a reader knows at once what it has.
      await packArchive(file, scratch, [stateFiles.manifest, stateFiles.objects, pkiFolder, stateFiles.volumes])
      return manifest
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  })

/** What a backup says of itself. Throws one line for the user where it is none. */
export const readBackup = async (file: string): Promise<Manifest> => parseManifest(file, await readFirstMember(file, stateFiles.manifest))

/** Gives the profile the backup's state, or makes a cluster of it where there is none. */
export async function restoreBackup(request: UpRequest, file: string): Promise<UpResult> {
  const paths = profilePaths(request.home, request.name)
  const { directory } = paths
  const { profile } = await readBackup(file)
  const scratch = scratchOf(paths)
  try {
    return await replaceState(request, async (known) => {
      await requireFit(profile, known)
      freshScratch(paths)
      await unpackArchive(file, scratch)
      const { dump } = readState(file, scratch)
      return {
        profile: { ...profile, ...portsOf(known ?? profile), name: request.name, kubeconfig: request.kubeconfig },
        entries: dump.entries,
        revision: dump.revision,
        volumes: { from: join(scratch, stateFiles.volumes), by: 'move' },
        pki: join(scratch, pkiFolder),
      }
    })
  } finally {
    rmSync(scratch, { recursive: true, force: true })
    // Where there was no cluster, a restore that failed leaves none.
    if (existsSync(directory) && readdirSync(directory).length === 0) rmdirSync(directory)
  }
}

const portsOf = ({ apiPort, httpPort, httpsPort, registryPort }: Profile) => ({ apiPort, httpPort, httpsPort, ...(registryPort ? { registryPort } : {}) })

/** Addresses stand in many objects, so they must be free here as they are. */
async function requireFit(saved: Profile, known: Profile | undefined): Promise<void> {
  if (known && known.runtime !== saved.runtime)
    throw new UserError(
      `the backup is of a cluster with --runtime ${saved.runtime}, and ${contextName(known)} was made with --runtime ${known.runtime}. Restore it under another name: knarr restore FILE --profile NAME`,
    )
  if (saved.runtime !== 'process' || (known && rangesOf(known.ranges).join() === rangesOf(saved.ranges).join())) return
  const [conflict] = conflictsOf(rangesOf(saved.ranges), await takenRanges(), '')
  if (conflict)
    throw new UserError(
      `the backup's addresses (${rangesOf(saved.ranges).join(', ')}) are in use on this machine: ${conflict.cidr} by ${conflict.dev}. Stop what uses them (another cluster: knarr down --profile NAME), or restore into that cluster`,
    )
}

/** A folder beside the profile's own things, so that what is in it can be moved there. The caller holds the profile's lock: one that is there was left by a killed command. */
function freshScratch(paths: ProfilePaths): string {
  const scratch = scratchOf(paths)
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true, mode: 0o700 })
  return scratch
}

/** For messages: `12 MB`. */
export const sizeOf = (file: string): string => {
  const bytes = statSync(file).size
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`
}
