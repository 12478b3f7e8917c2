import { resolve } from 'node:path'
import { readBackup, restoreBackup, sizeOf, writeBackup } from '../keep/backup.ts'
import type { Manifest } from '../keep/manifest.ts'
import { replaceState } from '../keep/replace-state.ts'
import { isCheap, listSnapshots, loadSnapshot, removeSnapshot, saveSnapshot } from '../keep/snapshots.ts'
import { UserError } from '../cluster/errors.ts'
import type { UpRequest } from '../cluster/lifecycle.ts'
import { contextName } from '../cluster/names.ts'
import { readProfile } from '../cluster/profile.ts'
import { requireRightsForPods } from '../cluster/rights.ts'
import { homeOf, knownProfile, print, table, type CommandLine } from './context.ts'
import { endProgress, upRequest } from './up.ts'

interface ProfileOption {
  readonly profile: string
}

export async function backup(cli: CommandLine, file: string, options: ProfileOption): Promise<void> {
  const profile = knownProfile(homeOf(cli), options.profile)
  const path = resolve(file)
  const manifest = await orOneLine('the backup was not made', () => writeBackup(homeOf(cli), profile, path))
  print(cli, `cluster ${contextName(profile)} is backed up to ${file}: ${contentOf(manifest)}, ${sizeOf(path)}. It holds every Secret and key: keep it safe`)
  warnOfMovement(cli, manifest)
}

export async function restore(cli: CommandLine, file: string, options: ProfileOption): Promise<void> {
  const startedMs = performance.now()
  const path = resolve(file)
  const manifest = await readBackup(path)
  if (manifest.profile.runtime === 'process') requireRightsForPods('$(which knarr) restore')
  const { profile } = await orOneLine('the backup was not restored', () => restoreBackup(requestOf(cli, options), path)).finally(() => endProgress(cli))
  print(cli, `cluster ${contextName(profile)} is as it was at ${manifest.createdAt}: ${contentOf(manifest)}; up again after ${seconds(startedMs)}`)
}

export async function save(cli: CommandLine, name: string, options: ProfileOption & { force?: boolean }): Promise<void> {
  const startedMs = performance.now()
  const home = homeOf(cli)
  const profile = knownProfile(home, options.profile)
  const manifest = await orOneLine('the snapshot was not saved', () => saveSnapshot(home, profile, { name, replace: options.force === true }))
  const copied = manifest.volumes > 0 && !isCheap(home, profile) ? ' (copied: this filesystem cannot clone files)' : ''
  print(cli, `snapshot ${name} of cluster ${contextName(profile)} is saved: ${contentOf(manifest)}${copied}, in ${seconds(startedMs)}`)
  warnOfMovement(cli, manifest)
}

export async function load(cli: CommandLine, name: string, options: ProfileOption): Promise<void> {
  const startedMs = performance.now()
  const known = knownProfile(homeOf(cli), options.profile)
  const { profile } = await orOneLine('the snapshot was not loaded', () => loadSnapshot(requestOf(cli, options), known, name)).finally(() => endProgress(cli))
  print(cli, `cluster ${contextName(profile)} is as snapshot ${name} has it; up again after ${seconds(startedMs)}`)
}

export function list(cli: CommandLine, options: ProfileOption): void {
  const profile = knownProfile(homeOf(cli), options.profile)
  const snapshots = listSnapshots(homeOf(cli), profile)
  if (snapshots.length === 0) {
    print(cli, `cluster ${contextName(profile)} has no snapshots; take one with: knarr snapshot save NAME`)
    return
  }
  const rows = snapshots.map(({ name, manifest: { createdAt, objects, volumes, profile: saved } }) => [
    name,
    createdAt.replace(/\.\d+Z$/, 'Z'),
    String(objects.count),
    String(volumes),
    String(saved.nodes.length),
  ])
  for (const line of table([['NAME', 'SAVED', 'OBJECTS', 'VOLUMES', 'NODES'], ...rows])) print(cli, line)
}

export async function remove(cli: CommandLine, name: string, options: ProfileOption): Promise<void> {
  const profile = knownProfile(homeOf(cli), options.profile)
  await removeSnapshot(homeOf(cli), profile, name)
  print(cli, `snapshot ${name} of cluster ${contextName(profile)} is removed`)
}

export async function reset(cli: CommandLine, options: ProfileOption): Promise<void> {
  const startedMs = performance.now()
  const known = knownProfile(homeOf(cli), options.profile)
  const empty = async (now = known) => ({ profile: now, entries: [], revision: 0 })
  const { profile } = await orOneLine('the cluster was not reset', () => replaceState(requestOf(cli, options), empty)).finally(() => endProgress(cli))
  print(cli, `cluster ${contextName(profile)} is empty, with the addresses and certificates it had; up again after ${seconds(startedMs)}`)
}

function requestOf(cli: CommandLine, { profile }: ProfileOption): UpRequest {
  if (readProfile(homeOf(cli), profile)?.runtime === 'process') requireRightsForPods('$(which knarr) up')
  return upRequest(cli, { profile })
}

/** What goes wrong with files and programs is one line, too: a full disk is the user's to mend. */
async function orOneLine<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw error instanceof UserError ? error : new UserError(`${what}: ${(error as Error).message}`, { cause: error })
  }
}

const contentOf = ({ objects, volumes }: Manifest) => `${objects.count} objects, ${volumes} volume${volumes === 1 ? '' : 's'}`

function warnOfMovement(cli: CommandLine, { isFrozen, volumes }: Manifest): void {
  if (!isFrozen && volumes > 0)
    cli.stderr.write('knarr: containers could not be held still on this machine (no cgroup freezer): a file that was written meanwhile may be torn\n')
}

const seconds = (startedMs: number) => `${((performance.now() - startedMs) / 1000).toFixed(2)} s`
