import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dumpStore, DumpError, readDump, type Dump } from '../../control/store/dump.ts'
import { openLmdbStore } from '../../control/store/lmdb-store.ts'
import { whileFrozen } from '../../node/runtime/process/freeze.ts'
import { cloneFolders } from '../../node/storage/clone.ts'
import { UserError } from '../cluster/errors.ts'
import { contextName } from '../cluster/names.ts'
import { profilePaths, type Profile, type ProfilePaths } from '../cluster/profile.ts'
import { fetchDump, fetchRevision } from '../cluster/store-socket.ts'
import { isUp } from '../cluster/supervisor.ts'
import { version } from '../version.ts'
import { type Manifest, parseManifest, stateFormat } from './manifest.ts'

export const stateFiles = { manifest: 'manifest.json', objects: 'objects', volumes: 'volumes' } as const

/**
 * Writes a profile's state into an empty folder. Where the cluster runs, every container stands still meanwhile: first they stop, then
 * the store is read at one revision, then the volumes are copied, then they go on. So no volume holds what the store does not know of.
 * The caller holds the profile's lock.
 */
export async function captureState(home: string, profile: Profile, folder: string): Promise<Manifest> {
  const paths = profilePaths(home, profile.name)
  const copy = async () => {
    const dump = await dumpOf(paths, isUp(home, profile))
    await cloneFolders(paths.volumes, join(folder, stateFiles.volumes))
    return dump
  }
  const standStill = profile.runtime === 'process' && isUp(home, profile)
  const { result: dump, isFrozen } = standStill ? await whileFrozen({ cgroupRoot: contextName(profile) }, copy) : { result: await copy(), isFrozen: true }
  writeFileSync(join(folder, stateFiles.objects), dump, { mode: 0o600 })
  const manifest: Manifest = {
    kind: 'KnarrState',
    formatVersion: stateFormat,
    writtenBy: version,
    createdAt: new Date().toISOString(),
    profile,
    objects: { count: readDump(dump).entries.length, sha256: sha256(dump) },
    volumes: readdirSync(join(folder, stateFiles.volumes)).length,
    isFrozen,
  }
  writeFileSync(join(folder, stateFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
  return manifest
}

/** What `captureState` wrote, checked. Throws one line for the user. */
export function readState(what: string, folder: string): { readonly manifest: Manifest; readonly dump: Dump } {
  const manifest = parseManifest(what, readFileSync(join(folder, stateFiles.manifest), 'utf8'))
  if (!existsSync(join(folder, stateFiles.objects))) throw new UserError(`${what} is damaged: it holds no objects`)
  const bytes = readFileSync(join(folder, stateFiles.objects))
  if (sha256(bytes) !== manifest.objects.sha256) throw new UserError(`${what} is damaged: its objects are not those that were written`)
  try {
    return { manifest, dump: readDump(bytes) }
  } catch (error) {
    throw error instanceof DumpError ? new UserError(`${what} cannot be used: ${error.message}`, { cause: error }) : error
  }
}

/** The store at one revision, from the server that has it open, or from its files where none does. */
async function dumpOf(paths: ProfilePaths, isRunning: boolean): Promise<Buffer> {
  if (isRunning) {
    const dump = await fetchDump(paths.storeSocket)
    // The server may have ended in the middle.
    readDump(dump)
    return dump
  }
  const store = openLmdbStore({ path: paths.store })
  try {
    const chunks: Buffer[] = []
    for await (const chunk of dumpStore(store)) chunks.push(chunk)
    return Buffer.concat(chunks)
  } finally {
    await store.close()
  }
}

/** The newest revision that a client of this profile may have seen; 0 where it has never run. */
export async function seenRevision(paths: ProfilePaths, isRunning: boolean): Promise<number> {
  if (!existsSync(join(paths.store, 'data.mdb'))) return 0
  if (isRunning) return fetchRevision(paths.storeSocket)
  const store = openLmdbStore({ path: paths.store })
  const { revision } = store
  await store.close()
  return revision
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
