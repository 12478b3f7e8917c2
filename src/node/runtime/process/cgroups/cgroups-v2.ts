import { dirname, join } from 'node:path'
import type { Resources } from '../../runtime.ts'
import { type CgroupTree, counter, processesBelow, removeTree } from './cgroup-tree.ts'
import { cpuWeightOf, periodMicros } from './cpu.ts'
import type { Cgroups } from './cgroups.ts'

const controllers = ['cpu', 'memory', 'pids']
const top = '.'

/**
 * One tree for all controllers. A group hands a controller down only where every group above it does (`cgroup.subtree_control`), and
 * only while it has no process of its own; the machine's root is the one exception:
 *
 *     /                 processes of the system allowed here, but not where this is the root of a container's view
 *     └ knarr-default   +cpu +memory +pids, no process
 *       └ kubepods/…    the same at each level
 *         └ 1f3a…       a container: processes, no group below
 */
export class CgroupsV2 implements Cgroups {
  readonly version = 2
  readonly #tree: CgroupTree
  readonly #mountPoint: string
  readonly #name: string
  readonly #delegated = new Set<string>()

  constructor({ tree, mountPoint, name }: { tree: CgroupTree; mountPoint: string; name: string }) {
    this.#tree = tree
    this.#mountPoint = mountPoint
    this.#name = name
  }

  create(path: string, resources: Resources): void {
    const group = join(this.#name, path)
    this.#tree.make(group)
    this.#delegate(dirname(group))
    const { memoryLimitBytes, cpuShares, cpuQuotaMicros } = resources
    const set = (file: string, value: string | number) => {
      if (this.#tree.exists(join(group, file))) this.#tree.write(join(group, file), String(value))
    }
    if (memoryLimitBytes !== undefined) {
      set('memory.max', Math.trunc(memoryLimitBytes))
      set('memory.swap.max', 0)
    }
    if (cpuShares !== undefined) set('cpu.weight', cpuWeightOf(cpuShares))
    if (cpuQuotaMicros !== undefined) set('cpu.max', `${Math.trunc(cpuQuotaMicros)} ${periodMicros}`)
    for (const [file, value] of Object.entries(resources.unified ?? {})) set(file, value)
  }

  joinFiles(path: string): string[] {
    return [join(this.#mountPoint, this.#name, path, 'cgroup.procs')]
  }

  oomKills(path: string): number {
    return counter(this.#tree, join(this.#name, path, 'memory.events'), 'oom_kill')
  }

  usage(path: string): { cpuNanos: number; memoryBytes: number } | undefined {
    const group = join(this.#name, path)
    const bytes = this.#tree.read(join(group, 'memory.current'))
    if (bytes === undefined) return undefined
    const inactive = counter(this.#tree, join(group, 'memory.stat'), 'inactive_file')
    return { cpuNanos: counter(this.#tree, join(group, 'cpu.stat'), 'usage_usec') * 1000, memoryBytes: Math.max(0, Number(bytes) - inactive) }
  }

  processes(path: string): number[] {
    return processesBelow(this.#tree, join(this.#name, path))
  }

  /** Kernels from 5.14 on do it at once, so that nothing can fork its way out. */
  kill(path: string): void {
    const file = join(this.#name, path, 'cgroup.kill')
    if (this.#tree.exists(file)) this.#tree.write(file, '1')
    else for (const pid of this.processes(path)) this.#tree.kill(pid)
  }

  remove(path: string): boolean {
    const group = join(this.#name, path)
    for (const known of this.#delegated) if (known === group || known.startsWith(`${group}/`)) this.#delegated.delete(known)
    return removeTree(this.#tree, group)
  }

  #delegate(group: string): void {
    if (this.#delegated.has(group)) return
    if (group !== top) this.#delegate(dirname(group))
    const available = (this.#tree.read(join(group, 'cgroup.controllers')) ?? '').trim().split(' ')
    for (const controller of controllers.filter((name) => available.includes(name))) this.#handDown(group, controller)
    this.#delegated.add(group)
  }

  #handDown(group: string, controller: string): void {
    const file = join(group, 'cgroup.subtree_control')
    try {
      this.#tree.write(file, `+${controller}`)
    } catch (error) {
      if (group !== top || (error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
      this.#clearRoot()
      this.#tree.write(file, `+${controller}`)
    }
  }

  /** In a container the root we see is an ordinary group: its processes (ours among them) move one level down, as Docker-in-Docker does it. */
  #clearRoot(): void {
    this.#tree.make('init')
    for (const pid of (this.#tree.read('cgroup.procs') ?? '').split('\n').filter(Boolean)) {
      try {
        this.#tree.write('init/cgroup.procs', pid)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }
}
