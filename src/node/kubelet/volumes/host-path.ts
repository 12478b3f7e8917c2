import type { Stats } from 'node:fs'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import type { HostPathVolumeSource } from '../../../base/api/generated/types.ts'

interface Check {
  readonly holds: (found: Stats) => boolean
  readonly what: string
  readonly create?: (path: string) => Promise<unknown>
}

const makeFolder = (path: string) => mkdir(path, { recursive: true, mode: 0o755 })

const directory: Check = { holds: (found) => found.isDirectory(), what: 'a directory' }
const file: Check = { holds: (found) => found.isFile(), what: 'a file' }

/** By `type`, as upstream checks them. */
const checks: Readonly<Record<string, Check>> = {
  Directory: directory,
  DirectoryOrCreate: { ...directory, create: makeFolder },
  File: file,
  // Its folder has to be there.
  FileOrCreate: { ...file, create: (path) => writeFile(path, '', { mode: 0o644 }) },
  Socket: { holds: (found) => found.isSocket(), what: 'a socket file' },
  CharDevice: { holds: (found) => found.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { holds: (found) => found.isBlockDevice(), what: 'a block device' },
  // Not checked; container runtimes make a folder of what is not there.
  '': { holds: () => true, what: 'anything', create: makeFolder },
}

/** Where a hostPath volume is: on this machine, which is the host of every node. Throws with upstream's words where it is not of its type. */
export const hostPathOf = async ({ path, type = '' }: HostPathVolumeSource): Promise<string> => {
  const check = checks[type]
  if (!check) throw new Error(`${type} is an invalid volume type`)
  const found = await stat(path).catch(() => undefined)
  if (found ? !check.holds(found) : !check.create) throw new Error(`hostPath type check failed: ${path} is not ${check.what}`)
  if (!found) await check.create?.(path)
  return path
}
