import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The folders behind volumes, each named by its handle. Every call is safe to repeat. */
export interface VolumeFolders {
  pathOf(handle: string): string
  make(handle: string): Promise<void>
  remove(handle: string): Promise<void>
}

const handlePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

export const createVolumeFolders = (directory: string): VolumeFolders => {
  const pathOf = (handle: string) => {
    // A handle comes from an object that anybody with the right may write: it must not lead out of the folder.
    if (!handlePattern.test(handle) || handle.includes('..')) throw new Error(`"${handle}" is no volume handle`)
    return join(directory, handle)
  }
  return {
    pathOf,
    async make(handle) {
      await mkdir(pathOf(handle), { recursive: true })
      // Whoever a Pod runs as may write, as with upstream's host path provisioner.
      await chmod(pathOf(handle), 0o777)
    },
    async remove(handle) {
      const trash = join(directory, `.${randomUUID()}`)
      // Gone at once under its name, however long it takes to remove what was in it.
      await rename(pathOf(handle), trash).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error
      })
      for (const name of await readdir(directory).catch(() => [])) if (name.startsWith('.')) await rm(join(directory, name), { recursive: true, force: true })
    },
  }
}

/** For nodes that only pretend to run Pods: no folder is made. */
export const noVolumeFolders: VolumeFolders = { pathOf: (handle) => handle, make: async () => {}, remove: async () => {} }
