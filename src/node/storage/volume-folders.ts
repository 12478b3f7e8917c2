import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cloneInto } from './clone.ts'

/** The folders behind volumes, each named by its handle. Every call is safe to repeat. */
export interface VolumeFolders {
  pathOf(handle: string): string
  has(handle: string): boolean
  make(handle: string): Promise<void>
  /** A copy under another handle, which shares its blocks where the filesystem can. It appears when it is complete. */
  clone(from: string, to: string): Promise<void>
  remove(handle: string): Promise<void>
}

const trashPrefix = '.trash-'
const handlePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

export const createVolumeFolders = (directory: string): VolumeFolders => {
  const pathOf = (handle: string) => {
    // A handle comes from an object that anybody with the right may write: it must not lead out of the folder.
    if (!handlePattern.test(handle) || handle.includes('..')) throw new Error(`"${handle}" is no volume handle`)
    return join(directory, handle)
  }
  return {
    pathOf,
    has: (handle) => existsSync(pathOf(handle)),
    async make(handle) {
      await mkdir(pathOf(handle), { recursive: true })
      // Whoever a Pod runs as may write, as with upstream's host path provisioner.
      await chmod(pathOf(handle), 0o777)
    },
    async clone(from, to) {
      if (existsSync(pathOf(to))) return
      const draft = join(directory, `.draft-${to}`)
      await rm(draft, { recursive: true, force: true })
      await mkdir(draft, { recursive: true })
      await cloneInto(pathOf(from), draft)
      await rename(join(draft, from), pathOf(to))
      await rm(draft, { recursive: true, force: true })
    },
    async remove(handle) {
      const trash = join(directory, `${trashPrefix}${randomUUID()}`)
      // Gone at once under its name, however long it takes to remove what was in it.
      await rename(pathOf(handle), trash).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
      for (const name of await readdir(directory).catch(() => []))
        if (name.startsWith(trashPrefix)) await rm(join(directory, name), { recursive: true, force: true })
    },
  }
}

/** For nodes that only pretend to run Pods: no folder is made. */
export const noVolumeFolders: VolumeFolders = {
  pathOf: (handle) => handle,
  has: () => true,
  make: async () => {},
  clone: async () => {},
  remove: async () => {},
}
