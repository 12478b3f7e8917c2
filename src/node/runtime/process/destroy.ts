import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../../base/lib/clock.ts'
import { openCgroups } from './cgroups/cgroups.ts'
import { identify, isAlive, type ProcessIdentity, readIdentity, signalProcess } from './process-identity.ts'
import { unmountBelow } from './mounts.ts'
import { containerFolder, readContainers, readSandboxes } from './records.ts'

const patienceMs = 10_000

/**
 * Ends every container and sandbox recorded in `directory`, then removes their control groups and the folder itself. No runtime may
 * be open on it. All mounts of containers live in their own mount namespaces and go with their processes. Safe to repeat.
 */
export async function destroyAll(directory: string, options: { cgroupRoot: string; clock?: Clock }): Promise<void> {
  const clock = options.clock ?? systemClock
  const cgroups = openCgroups(options.cgroupRoot)
  const containers = readContainers(directory)
  const sandboxes = readSandboxes(directory)
  const folders = [...containers.records.map(({ id }) => containerFolder(directory, id)), ...containers.broken]
  const found = [
    ...folders.map((folder) => readIdentity(join(folder, 'pid'))),
    ...sandboxes.records.map(({ holder }) => holder),
    ...cgroups.processes('').map(identify),
    ...folders.map((folder) => readIdentity(join(folder, 'launcher'))),
  ].filter((identity) => identity !== undefined)
  await endAll(found, clock)
  await until(() => cgroups.remove(''), clock)
  await unmountBelow(directory)
  if (existsSync(directory)) rmSync(directory, { recursive: true, force: true })
}

/** Launchers come last in the list, so that none reports an end that nobody asked for. */
async function endAll(processes: readonly ProcessIdentity[], clock: Clock): Promise<void> {
  for (const one of processes) signalProcess(one, 'SIGKILL')
  await until(() => processes.every((one) => !isAlive(one)), clock)
}

async function until(holds: () => boolean, clock: Clock): Promise<void> {
  for (const deadline = clock.monotonic() + patienceMs; !holds();) {
    if (clock.monotonic() > deadline) throw new Error('processes of the cluster did not end')
    await clock.sleep(10)
  }
}
