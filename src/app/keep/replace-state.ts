import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Entry } from '../../control/store/store.ts'
import { seedLmdbStore } from '../../control/store/seed.ts'
import { tearDownProfileNetwork } from '../../node/network/profile-network.ts'
import { cloneFolders } from '../../node/storage/clone.ts'
import { bringUpLocked, endContainers, endProcesses, lockOf, type UpRequest, type UpResult } from '../cluster/lifecycle.ts'
import { withLock } from '../cluster/lock.ts'
import { profilePaths, readProfile, type Profile, type ProfilePaths } from '../cluster/profile.ts'
import { applyReplacement, commitReplacement, discardStaging, emptyTrash, stageReplacement } from '../cluster/replacement.ts'
import { putToRest, type Resting } from '../cluster/rest.ts'
import { isUp, roles } from '../cluster/supervisor.ts'
import { seenRevision } from './capture.ts'
import { asStopped } from './stopped-cluster.ts'

/** What is to be a cluster's state from now on. */
export interface NewState {
  readonly profile: Profile
  readonly entries: readonly Entry[]
  /** The newest revision of the state itself, where it has been a cluster's. */
  readonly revision: number
  /** Folders whose content becomes the volumes: `copy` leaves them where they are, `move` takes them. */
  readonly volumes?: { readonly from: string; readonly by: 'copy' | 'move' }
  /** A folder of certificates and keys to take; without it the profile keeps its own. */
  readonly pki?: string
}

/**
 * Gives a profile another state and brings it up. `read` is asked under the profile's lock, with the profile as it is. All is made ready
 * while the old cluster still runs, so that it is away for as short as can be.
 */
export const replaceState = (request: UpRequest, read: (known: Profile | undefined) => Promise<NewState>): Promise<UpResult> =>
  withLock(lockOf(request.home, request.name), async () => {
    const paths = profilePaths(request.home, request.name)
    const known = readProfile(request.home, request.name)
    const state = await read(known)
    mkdirSync(paths.directory, { recursive: true, mode: 0o700 })
    try {
      await stage(paths, state, known !== undefined && isUp(request.home, known))
      commitReplacement(paths)
    } catch (error) {
      discardStaging(paths)
      throw error
    }
    const resting = known ? await stop(request.home, known, state) : []
    applyReplacement(paths)
    for (const role of resting) role.go()
    const result = await bringUpLocked(request)
    emptyTrash(paths)
    return result
  })

async function stage(paths: ProfilePaths, state: NewState, isRunning: boolean): Promise<void> {
  const staging = stageReplacement(paths)
  const seen = Math.max(state.revision, await seenRevision(paths, isRunning))
  const entries = asStopped(state.entries, seen + 1)
  await seedLmdbStore({ path: join(staging, 'store'), entries, seenRevision: seen + entries.length })
  const volumes = join(staging, 'volumes')
  if (state.volumes?.by === 'move') renameSync(state.volumes.from, volumes)
  else if (state.volumes) await cloneFolders(state.volumes.from, volumes)
  else mkdirSync(volumes, { mode: 0o700 })
  if (state.pki) renameSync(state.pki, join(staging, 'pki'))
  writeFileSync(join(staging, 'profile.json'), `${JSON.stringify(state.profile, null, 2)}\n`)
}

/**
 * Ends all that runs. Where the addresses and certificates stay the same, the network stays, and so do the processes of the roles: they
 * rest until they are told to go on. That is most of the time that a cluster takes to start.
 */
async function stop(home: string, known: Profile, { profile: next, pki }: NewState): Promise<readonly Resting[]> {
  const isSame = pki === undefined && isDeepStrictEqual([known.ranges, known.nodes], [next.ranges, next.nodes])
  const resting = isSame && isUp(home, known) ? await restAll(home, known) : undefined
  if (resting) {
    await endContainers(home, known)
    return resting
  }
  await endProcesses(home, known)
  if (!isSame && known.runtime === 'process') await tearDownProfileNetwork(known.name)
  return []
}

/** Undefined where one of them cannot: then all are to be ended. */
async function restAll(home: string, known: Profile): Promise<readonly Resting[] | undefined> {
  const paths = profilePaths(home, known.name)
  const wanted = known.runtime === 'process' ? roles : (['server'] as const)
  const resting = (await Promise.all(wanted.map((role) => putToRest(paths, role)))).filter((role) => role !== undefined)
  return resting.length === wanted.length ? resting : undefined
}
