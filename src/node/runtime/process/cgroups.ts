import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ContainerConfig } from '../runtime.ts'
import { readIfThere } from './process-identity.ts'

type Resources = ContainerConfig['resources']

/** A tree of control groups of our own under `name`, in version 1 (hybrid included), version 2, or none where nothing may be written. */
export interface Cgroups {
  readonly version: 0 | 1 | 2
  /** Makes the group (a path below our root) and sets its limits. */
  create(path: string, resources: Resources): void
  /** Files to which a process writes `0` to join the group. */
  joinFiles(path: string): readonly string[]
  oomKills(path: string): number
  usage(path: string): { readonly cpuNanos: number; readonly memoryBytes: number } | undefined
  processes(path: string): readonly number[]
  /** Removes the group and all below it; false while a process is left in it. */
  remove(path: string): boolean
}

const periodMicros = 100_000
const v1Controllers = ['memory', 'cpu', 'cpuacct', 'pids']

export function openCgroups(name: string, mountPoint = '/sys/fs/cgroup'): Cgroups {
  if (existsSync(join(mountPoint, 'cgroup.controllers'))) return new CgroupsV2(mountPoint, name)
  const controllers = v1Controllers.filter((controller) => existsSync(join(mountPoint, controller, 'tasks')))
  if (controllers.includes('memory') && controllers.includes('cpu')) return new CgroupsV1(mountPoint, name, controllers)
  return noCgroups
}

const noCgroups: Cgroups = {
  version: 0,
  create() {},
  joinFiles: () => [],
  oomKills: () => 0,
  usage: () => undefined,
  processes: () => [],
  remove: () => true,
}

class CgroupsV1 implements Cgroups {
  readonly version = 1
  readonly #roots: ReadonlyMap<string, string>

  constructor(mountPoint: string, name: string, controllers: readonly string[]) {
    this.#roots = new Map(controllers.map((controller) => [controller, join(realpathSync(join(mountPoint, controller)), name)]))
  }

  create(path: string, resources: Resources): void {
    for (const folder of this.#folders(path)) mkdirSync(folder, { recursive: true })
    const set = (controller: string, file: string, value: number | undefined) => {
      const root = this.#roots.get(controller)
      if (root && value !== undefined) writeFileSync(join(root, path, file), String(Math.trunc(value)))
    }
    set('memory', 'memory.limit_in_bytes', resources.memoryLimitBytes)
    if (existsSync(join(this.#roots.get('memory')!, path, 'memory.memsw.limit_in_bytes')))
      set('memory', 'memory.memsw.limit_in_bytes', resources.memoryLimitBytes)
    set('cpu', 'cpu.shares', resources.cpuShares)
    set('cpu', 'cpu.cfs_period_us', resources.cpuQuotaMicros === undefined ? undefined : periodMicros)
    set('cpu', 'cpu.cfs_quota_us', resources.cpuQuotaMicros)
  }

  joinFiles(path: string): string[] {
    return this.#folders(path).map((folder) => join(folder, 'cgroup.procs'))
  }

  oomKills(path: string): number {
    return counter(join(this.#roots.get('memory')!, path, 'memory.oom_control'), 'oom_kill')
  }

  usage(path: string): { cpuNanos: number; memoryBytes: number } | undefined {
    const memory = join(this.#roots.get('memory')!, path)
    const bytes = readIfThere(join(memory, 'memory.usage_in_bytes'))
    const cpu = this.#roots.get('cpuacct')
    if (bytes === undefined || !cpu) return undefined
    const inactive = counter(join(memory, 'memory.stat'), 'total_inactive_file')
    return { cpuNanos: Number(readIfThere(join(cpu, path, 'cpuacct.usage')) ?? 0), memoryBytes: Math.max(0, Number(bytes) - inactive) }
  }

  processes(path: string): number[] {
    return [...new Set(this.#folders(path).flatMap(processesBelow))]
  }

  remove(path: string): boolean {
    return this.#folders(path).map(removeTree).every(Boolean)
  }

  #folders(path: string): string[] {
    return [...new Set([...this.#roots.values()].map((root) => join(root, path)))]
  }
}

class CgroupsV2 implements Cgroups {
  readonly version = 2
  readonly #mountPoint: string
  readonly #root: string

  constructor(mountPoint: string, name: string) {
    this.#mountPoint = mountPoint
    this.#root = join(mountPoint, name)
  }

  create(path: string, resources: Resources): void {
    const folder = join(this.#root, path)
    mkdirSync(folder, { recursive: true })
    this.#delegate(dirname(folder))
    const set = (file: string, value: string | undefined) => {
      if (value !== undefined && existsSync(join(folder, file))) writeFileSync(join(folder, file), value)
    }
    set('memory.max', resources.memoryLimitBytes === undefined ? undefined : String(Math.trunc(resources.memoryLimitBytes)))
    set('memory.swap.max', resources.memoryLimitBytes === undefined ? undefined : '0')
    set('memory.oom.group', resources.memoryLimitBytes === undefined ? undefined : '1')
    set('cpu.weight', resources.cpuShares === undefined ? undefined : String(weightOf(resources.cpuShares)))
    set('cpu.max', resources.cpuQuotaMicros === undefined ? undefined : `${Math.trunc(resources.cpuQuotaMicros)} ${periodMicros}`)
  }

  joinFiles(path: string): string[] {
    return [join(this.#root, path, 'cgroup.procs')]
  }

  oomKills(path: string): number {
    return counter(join(this.#root, path, 'memory.events'), 'oom_kill')
  }

  usage(path: string): { cpuNanos: number; memoryBytes: number } | undefined {
    const folder = join(this.#root, path)
    const bytes = readIfThere(join(folder, 'memory.current'))
    if (bytes === undefined) return undefined
    const inactive = counter(join(folder, 'memory.stat'), 'inactive_file')
    return { cpuNanos: counter(join(folder, 'cpu.stat'), 'usage_usec') * 1000, memoryBytes: Math.max(0, Number(bytes) - inactive) }
  }

  processes(path: string): number[] {
    return processesBelow(join(this.#root, path))
  }

  remove(path: string): boolean {
    return removeTree(join(this.#root, path))
  }

  /** A group hands its controllers down only when each one above it does. */
  #delegate(folder: string): void {
    if (folder !== this.#mountPoint) this.#delegate(dirname(folder))
    const available = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ')
    for (const controller of ['memory', 'cpu', 'pids'].filter((name) => available.includes(name))) {
      writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`)
    }
  }
}

/** The conversion upstream uses: shares 2..262144 to weight 1..10000. */
const weightOf = (shares: number) => Math.trunc(1 + ((Math.min(Math.max(shares, 2), 262_144) - 2) * 9999) / 262_142)

function counter(file: string, key: string): number {
  const line = (readIfThere(file) ?? '').split('\n').find((text) => text.startsWith(`${key} `))
  return line ? Number(line.slice(key.length + 1)) : 0
}

const childFolders = (folder: string) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => join(folder, entry.name))
    : []

function processesBelow(folder: string): number[] {
  const own = (readIfThere(join(folder, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number)
  return [...own, ...childFolders(folder).flatMap(processesBelow)]
}

function removeTree(folder: string): boolean {
  if (!existsSync(folder)) return true
  const emptied = childFolders(folder).map(removeTree).every(Boolean)
  if (!emptied) return false
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return true
    if (code === 'EBUSY') return false
    throw error
  }
}
