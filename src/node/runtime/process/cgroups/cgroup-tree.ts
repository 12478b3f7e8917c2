import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere } from '../process-identity.ts'

/** The kernel's tree of control groups, below its mount point; paths are relative to that. Writes throw the kernel's error (`code`). */
export interface CgroupTree {
  exists(path: string): boolean
  /** Makes a group and those above it. */
  make(path: string): void
  read(path: string): string | undefined
  write(path: string, text: string): void
  /** The groups right below. */
  children(path: string): readonly string[]
  /** False while the group has processes or children. */
  remove(path: string): boolean
  /** Without effect where the process has ended. */
  kill(pid: number): void
}

export const createCgroupTree = (mountPoint: string): CgroupTree => ({
  exists: (path) => existsSync(join(mountPoint, path)),
  make: (path) => void mkdirSync(join(mountPoint, path), { recursive: true }),
  read: (path) => readIfThere(join(mountPoint, path)),
  write: (path, text) => writeFileSync(join(mountPoint, path), text),
  children: (path) =>
    existsSync(join(mountPoint, path))
      ? readdirSync(join(mountPoint, path), { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => join(path, entry.name))
      : [],
  remove(path) {
    try {
      rmdirSync(join(mountPoint, path))
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return true
      if (code === 'EBUSY' || code === 'ENOTEMPTY') return false
      throw error
    }
  },
  kill(pid) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  },
})

/** A number behind a word, as in `memory.events`; 0 where there is none. */
export function counter(tree: CgroupTree, path: string, key: string): number {
  const line = (tree.read(path) ?? '').split('\n').find((text) => text.startsWith(`${key} `))
  return line ? Number(line.slice(key.length + 1)) : 0
}

export function processesBelow(tree: CgroupTree, path: string): number[] {
  const own = (tree.read(join(path, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number)
  return [...own, ...tree.children(path).flatMap((child) => processesBelow(tree, child))]
}

/** Removes a group and all below it; false where one of them is in use. */
export function removeTree(tree: CgroupTree, path: string): boolean {
  if (!tree.exists(path)) return true
  return (
    tree
      .children(path)
      .map((child) => removeTree(tree, child))
      .every(Boolean) && tree.remove(path)
  )
}
