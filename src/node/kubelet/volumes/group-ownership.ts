import { chmod, lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '../../../base/api/generated/types.ts'
import { ignoreRights } from './atomic-writer.ts'

const setGroupId = 0o2000
const readWrite = 0o660
const enter = 0o110

/**
 * Gives a volume to the Pod's `fsGroup`, as upstream: the group of everything in it, read and write rights for it, and the set-group-id bit on
 * folders. With `OnRootMismatch` a volume is left alone whose top folder is so already.
 */
export const shareWithGroup = async (path: string, pod: Pod): Promise<void> => {
  const { fsGroup, fsGroupChangePolicy } = pod.spec.securityContext ?? {}
  if (fsGroup === undefined) return
  if (fsGroupChangePolicy === 'OnRootMismatch' && (await isOfGroup(path, fsGroup))) return
  await giveTo(path, fsGroup)
}

const isOfGroup = async (path: string, group: number): Promise<boolean> => {
  const { gid, mode } = await lstat(path)
  const wanted = setGroupId | readWrite | enter
  return gid === group && (mode & wanted) === wanted
}

const giveTo = async (path: string, group: number): Promise<void> => {
  const found = await lstat(path).catch(ifGone)
  if (!found) return
  const wanted = found.mode | readWrite | (found.isDirectory() ? setGroupId | enter : 0)
  // What is right already keeps its time of change.
  if (found.gid !== group) await lchown(path, found.uid, group).catch(ignoreRights)
  // A link has no rights of its own; changing the group has taken the set-group-id bit of a file.
  if (!found.isSymbolicLink() && (wanted !== found.mode || found.gid !== group)) await chmod(path, wanted & 0o7777).catch(ignoreRights)
  if (found.isDirectory()) for (const name of await readdir(path)) await giveTo(join(path, name), group)
}

/** Whoever else has the volume may remove files meanwhile. */
const ifGone = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT') throw error
}
