import { join } from 'node:path'
import type { Resources } from '../../runtime.ts'
import { type CgroupTree, counter, processesBelow, removeTree } from './cgroup-tree.ts'
import { periodMicros } from './cpu.ts'
import type { Cgroups } from './cgroups.ts'

interface Options {
  readonly tree: CgroupTree
  readonly mountPoint: string
  readonly name: string
  /** The hierarchy of each controller, by controller. */
  readonly folders: ReadonlyMap<string, string>
}

/** One tree a controller, all of the same shape. */
export class CgroupsV1 implements Cgroups {
  readonly version = 1
  readonly #tree: CgroupTree
  readonly #mountPoint: string
  readonly #roots: ReadonlyMap<string, string>

  constructor({ tree, mountPoint, name, folders }: Options) {
    this.#tree = tree
    this.#mountPoint = mountPoint
    this.#roots = new Map([...folders].map(([controller, folder]) => [controller, join(folder, name)]))
  }

  create(path: string, resources: Resources): void {
    this.#countWithinParents()
    for (const group of this.#groups(path)) this.#tree.make(group)
    const { memoryLimitBytes, cpuShares, cpuQuotaMicros } = resources
    this.#set('memory', join(path, 'memory.limit_in_bytes'), memoryLimitBytes)
    this.#set('memory', join(path, 'memory.memsw.limit_in_bytes'), memoryLimitBytes)
    this.#set('cpu', join(path, 'cpu.shares'), cpuShares)
    this.#set('cpu', join(path, 'cpu.cfs_period_us'), cpuQuotaMicros === undefined ? undefined : periodMicros)
    this.#set('cpu', join(path, 'cpu.cfs_quota_us'), cpuQuotaMicros)
  }

  joinFiles(path: string): string[] {
    return this.#groups(path).map((group) => join(this.#mountPoint, group, 'cgroup.procs'))
  }

  oomKills(path: string): number {
    return counter(this.#tree, join(this.#rootOf('memory'), path, 'memory.oom_control'), 'oom_kill')
  }

  usage(path: string): { cpuNanos: number; memoryBytes: number } | undefined {
    const memory = join(this.#rootOf('memory'), path)
    const bytes = this.#tree.read(join(memory, 'memory.usage_in_bytes'))
    const accounts = this.#roots.get('cpuacct')
    if (bytes === undefined || !accounts) return undefined
    const inactive = counter(this.#tree, join(memory, 'memory.stat'), 'total_inactive_file')
    return { cpuNanos: Number(this.#tree.read(join(accounts, path, 'cpuacct.usage')) ?? 0), memoryBytes: Math.max(0, Number(bytes) - inactive) }
  }

  processes(path: string): number[] {
    return [...new Set(this.#groups(path).flatMap((group) => processesBelow(this.#tree, group)))]
  }

  kill(path: string): void {
    for (const pid of this.processes(path)) this.#tree.kill(pid)
  }

  remove(path: string): boolean {
    return this.#groups(path)
      .map((group) => removeTree(this.#tree, group))
      .every(Boolean)
  }

  /** Older kernels let a group's limit hold for the groups below it only where they are told so, before there are any. */
  #countWithinParents(): void {
    const root = this.#rootOf('memory')
    if (this.#tree.exists(root)) return
    this.#tree.make(root)
    if (this.#tree.read(join(root, 'memory.use_hierarchy'))?.trim() === '0') this.#tree.write(join(root, 'memory.use_hierarchy'), '1')
  }

  /** Files that this kernel does not have (swap is not counted everywhere) are passed over. */
  #set(controller: string, file: string, value: number | undefined): void {
    const root = this.#roots.get(controller)
    if (root === undefined || value === undefined || !this.#tree.exists(join(root, file))) return
    this.#tree.write(join(root, file), String(Math.trunc(value)))
  }

  #rootOf(controller: 'memory' | 'cpu'): string {
    return this.#roots.get(controller)!
  }

  #groups(path: string): string[] {
    return [...new Set([...this.#roots.values()].map((root) => join(root, path)))]
  }
}
