import { chmod, chown, lchown, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface VolumeFile {
  readonly data: Buffer
  readonly mode: number
}

export interface Ownership {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/**
 * Puts files into a folder so that readers see all of the old or all of the new content:
 *
 *     folder/..2026_01_01_00_00_00.1/key     the content
 *     folder/..data -> ..2026_01_01_00_00_00.1   switched by rename
 *     folder/key -> ..data/key
 *
 * Writes nothing where the content is as wanted. Returns whether it wrote.
 */
export const writeAtomically = async (
  folder: string,
  files: ReadonlyMap<string, VolumeFile>,
  options: { nowMs: number; owner?: Ownership },
): Promise<boolean> => {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const current = await readlink(join(folder, '..data')).catch(() => undefined)
  if (current && (await isSame(join(folder, current), files))) return false
  const version = versionName(options.nowMs, current)
  await writeVersion(join(folder, version), files, options.owner)
  await rm(join(folder, '..data_tmp'), { force: true })
  await symlink(version, join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  await linkTopLevel(folder, files, options.owner)
  if (current) await rm(join(folder, current), { recursive: true, force: true })
  return true
}

const versionName = (nowMs: number, current: string | undefined): string => {
  const base = `..${new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '_')}`
  const count = current?.startsWith(`${base}.`) ? Number(current.slice(base.length + 1)) + 1 : 1
  return `${base}.${count}`
}

const writeVersion = async (folder: string, files: ReadonlyMap<string, VolumeFile>, owner: Ownership = {}): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o755 })
  for (const [path, file] of files) {
    const target = join(folder, path)
    await mkdir(dirname(target), { recursive: true, mode: 0o755 })
    await writeFile(target, file.data)
    await chmod(target, owner.gid === undefined ? file.mode : file.mode | ((file.mode & 0o400) >> 3))
    if (owner.uid !== undefined || owner.gid !== undefined) await chown(target, owner.uid ?? 0, owner.gid ?? 0).catch(ignoreRights)
  }
}

/** Without root there is nobody else to give a file to. */
export const ignoreRights = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EPERM') throw error
}

const topLevelOf = (path: string) => path.split('/')[0] ?? path

const linkTopLevel = async (folder: string, files: ReadonlyMap<string, VolumeFile>, owner: Ownership = {}): Promise<void> => {
  const wanted = new Set([...files.keys()].map(topLevelOf))
  for (const name of await readdir(folder)) if (!name.startsWith('..') && !wanted.has(name)) await rm(join(folder, name), { recursive: true, force: true })
  for (const name of wanted) {
    const link = join(folder, name)
    if ((await readlink(link).catch(() => undefined)) === join('..data', name)) continue
    await rm(link, { recursive: true, force: true })
    await symlink(join('..data', name), link)
    if (owner.uid !== undefined || owner.gid !== undefined) await lchown(link, owner.uid ?? 0, owner.gid ?? 0).catch(ignoreRights)
  }
}

const isSame = async (folder: string, files: ReadonlyMap<string, VolumeFile>): Promise<boolean> => {
  const present = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  if (present.filter((entry) => entry.isFile()).length !== files.size) return false
  for (const [path, file] of files) {
    const data = await readFile(join(folder, path)).catch(() => undefined)
    if (!data?.equals(file.data)) return false
  }
  return true
}
