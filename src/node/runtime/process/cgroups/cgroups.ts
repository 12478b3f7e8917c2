import { existsSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Resources } from '../../runtime.ts'
import { createCgroupTree } from './cgroup-tree.ts'
import { CgroupsV1 } from './cgroups-v1.ts'
import { CgroupsV2 } from './cgroups-v2.ts'

/** A tree of control groups of our own, in version 1 (hybrid included), version 2, or none where nothing may be written. Paths are below its root. */
export interface Cgroups {
  readonly version: 0 | 1 | 2
  /** Makes the group and sets its limits, or changes those of one that is there. */
  create(path: string, resources: Resources): void
  /** Files to which a process writes `0` to join the group. */
  joinFiles(path: string): readonly string[]
  /** How many processes in it, or below it, were killed for want of memory. */
  oomKills(path: string): number
  usage(path: string): { readonly cpuNanos: number; readonly memoryBytes: number } | undefined
  processes(path: string): readonly number[]
  /** Ends every process in the group and below it, by force. */
  kill(path: string): void
  /** Removes the group and all below it; false while a process is left in it. */
  remove(path: string): boolean
}

// Of `pids` nothing is limited: a hierarchy less to make groups in.
const controllersV1 = ['memory', 'cpu', 'cpuacct']

/** `name` is the group above all others. */
export function openCgroups(name: string, mountPoint = '/sys/fs/cgroup'): Cgroups {
  const tree = createCgroupTree(mountPoint)
  if (existsSync(join(mountPoint, 'cgroup.controllers'))) return new CgroupsV2({ tree, mountPoint, name })
  const found = controllersV1.filter((controller) => existsSync(join(mountPoint, controller, 'tasks')))
  if (!found.includes('memory') || !found.includes('cpu')) return noCgroups
  // `cpu` and `cpuacct` are often two names of one hierarchy.
  const folders = new Map(found.map((controller) => [controller, basename(realpathSync(join(mountPoint, controller)))]))
  return new CgroupsV1({ tree, mountPoint, name, folders })
}

const noCgroups: Cgroups = {
  version: 0,
  create() {},
  joinFiles: () => [],
  oomKills: () => 0,
  usage: () => undefined,
  processes: () => [],
  kill() {},
  remove: () => true,
}
