import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../../base/lib/clock.ts'
import { type Cgroups, openCgroups } from './cgroups/cgroups.ts'
import { readIfThere } from './process-identity.ts'
import { toolEnvironment } from './host-tools.ts'

export interface FreezeOptions {
  /** The group above all containers, or above those of one Pod. */
  readonly cgroupRoot: string
  readonly mountPoint?: string
  readonly clock?: Clock
}

const patienceMs = 5000

/**
 * Runs `act` while every process of every container stands still, and says whether it could: false where the kernel has no freezer
 * for us. However this process ends meanwhile, the containers go on.
 */
export async function whileFrozen<T>(options: FreezeOptions, act: () => Promise<T>): Promise<{ readonly result: T; readonly isFrozen: boolean }> {
  const freezer = openFreezer(options)
  if (!freezer) return { result: await act(), isFrozen: false }
  const guard = await freezer.close()
  try {
    await until(() => freezer.isClosed(), options.clock ?? systemClock)
    return { result: await act(), isFrozen: true }
  } finally {
    await release(guard)
  }
}

/** Lets go what a guard that was killed has left standing. */
export function thaw(options: FreezeOptions): void {
  openFreezer(options)?.open()
}

interface Freezer {
  /** Starts to stop the processes; the guard lets them go when its input ends. */
  close(): Promise<ChildProcess>
  isClosed(): boolean
  open(): void
}

function openFreezer({ cgroupRoot, mountPoint = '/sys/fs/cgroup' }: FreezeOptions): Freezer | undefined {
  const cgroups = openCgroups(cgroupRoot, mountPoint)
  if (cgroups.version === 2) return freezerV2(join(mountPoint, cgroupRoot))
  const hierarchy = join(mountPoint, 'freezer')
  return cgroups.version === 1 && existsSync(join(hierarchy, 'tasks')) ? freezerV1(join(hierarchy, cgroupRoot.replaceAll('/', '.')), cgroups) : undefined
}

/** One word to one file stops a group and all below it. */
function freezerV2(group: string): Freezer | undefined {
  const file = join(group, 'cgroup.freeze')
  if (!existsSync(file)) return undefined
  return {
    close: () => startGuard('echo 1 >"$1/cgroup.freeze"; echo ok; read -r _; echo 0 >"$1/cgroup.freeze"', group),
    isClosed: () => /^frozen 1$/m.test(readIfThere(join(group, 'cgroup.events')) ?? ''),
    open: () => writeFileSync(file, '0'),
  }
}

// What is born while its parents are let go is let go in the next turn.
const letGoV1 = `echo THAWED >"$1/freezer.state"
for turn in 1 2 3 4 5 6 7 8 9 10; do
  while read -r pid; do echo "$pid" >"$1/../cgroup.procs"; done <"$1/cgroup.procs" 2>/dev/null
  rmdir "$1" && break
  sleep 0.01
done`

/** The freezer is a hierarchy of its own, which containers join only for as long as they stand still. */
function freezerV1(group: string, cgroups: Cgroups): Freezer {
  const inside = () => new Set((readIfThere(join(group, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number))
  const gather = () => {
    const members = inside()
    const strangers = cgroups.processes('').filter((pid) => !members.has(pid))
    for (const pid of strangers) enter(group, pid)
    return strangers.length
  }
  return {
    async close() {
      mkdirSync(group, { recursive: true })
      gather()
      return startGuard(`echo FROZEN >"$1/freezer.state"; echo ok; read -r _; ${letGoV1}`, group)
    },
    // What was born while its parents were gathered joins late.
    isClosed: () => gather() === 0 && readFileSync(join(group, 'freezer.state'), 'utf8').trim() === 'FROZEN',
    open() {
      if (!existsSync(group)) return
      writeFileSync(join(group, 'freezer.state'), 'THAWED')
      for (const pid of inside()) enter(join(group, '..'), pid)
      if (inside().size === 0) rmdirSync(group)
    },
  }
}

function enter(group: string, pid: number): void {
  try {
    writeFileSync(join(group, 'cgroup.procs'), String(pid))
  } catch (error) {
    // It has ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A shell of its own session: neither Ctrl-C nor the death of this process keeps it from its last lines. */
function startGuard(script: string, group: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `trap '' INT TERM HUP\n${script}`, 'sh', group], {
    detached: true,
    env: toolEnvironment,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new Error('the containers could not be made to stand still')))
    child.stdout.once('data', () => resolve(child))
  })
}

function release(guard: ChildProcess): Promise<void> {
  const ended = new Promise<void>((resolve) => guard.once('close', () => resolve()))
  guard.stdin!.end()
  return ended
}

async function until(holds: () => boolean, clock: Clock): Promise<void> {
  for (const deadline = clock.monotonic() + patienceMs; !holds();) {
    if (clock.monotonic() > deadline) throw new Error(`the containers did not stand still within ${patienceMs / 1000} s`)
    await clock.sleep(2)
  }
}
