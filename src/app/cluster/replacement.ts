import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ProfilePaths } from './profile.ts'

/**
 * How another state takes a profile's place, so that a command that is killed leaves the old one or the new one, never half of each:
 *
 *   staging/   is filled while the cluster goes on; worth nothing yet
 *   next/      the same folder, renamed when it is complete: from now on the new state counts
 *              each part moves to its place, the old one to trash/; the next `up` finishes what is left
 *
 * A part that is not there stays as it is.
 */
const parts = ['store', 'volumes', 'pki', 'profile.json'] as const

const stagingOf = (paths: ProfilePaths) => join(paths.directory, 'staging')
const nextOf = (paths: ProfilePaths) => join(paths.directory, 'next')
const trashOf = (paths: ProfilePaths) => join(paths.directory, 'trash')

/** An empty folder for the new state; the caller holds the profile's lock. */
export function stageReplacement(paths: ProfilePaths): string {
  discardStaging(paths)
  mkdirSync(stagingOf(paths), { recursive: true, mode: 0o700 })
  return stagingOf(paths)
}

/** For what a command unpacks; the next command clears what a killed one left. */
export const scratchOf = (paths: ProfilePaths): string => join(paths.directory, 'scratch')

/** Removes what killed commands left half made. The caller holds the profile's lock. */
export function clearHalfMade(paths: ProfilePaths): void {
  discardStaging(paths)
  rmSync(scratchOf(paths), { recursive: true, force: true })
}

export const discardStaging = (paths: ProfilePaths): void => rmSync(stagingOf(paths), { recursive: true, force: true })
export const commitReplacement = (paths: ProfilePaths): void => renameSync(stagingOf(paths), nextOf(paths))
export const hasReplacement = (paths: ProfilePaths): boolean => existsSync(nextOf(paths))

/** Nothing of the cluster may run. What belonged to its Pods alone (their scratch volumes, unpacked secrets) goes. Safe to repeat. */
export function applyReplacement(paths: ProfilePaths): void {
  const [next, trash] = [nextOf(paths), trashOf(paths)]
  mkdirSync(trash, { recursive: true, mode: 0o700 })
  for (const part of parts) {
    if (!existsSync(join(next, part))) continue
    if (existsSync(join(paths.directory, part))) {
      rmSync(join(trash, part), { recursive: true, force: true })
      renameSync(join(paths.directory, part), join(trash, part))
    }
    renameSync(join(next, part), join(paths.directory, part))
  }
  rmSync(paths.kubelet, { recursive: true, force: true })
  rmSync(next, { recursive: true })
}

/** Removes what was replaced: it may be large, and nobody waits for it. */
export const emptyTrash = (paths: ProfilePaths): void => rmSync(trashOf(paths), { recursive: true, force: true })
