import { chmodSync, chownSync, lstatSync, mkdirSync, readlinkSync, type Stats, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** One mount of a container's root as it will be: folders of this machine merged at `at`, topmost first; the first takes what is made. */
export interface MountedFolders {
  readonly at: string
  readonly folders: readonly string[]
  /** Nothing may be made in it: it is this machine's own. */
  readonly readOnly?: boolean
}

const maxSymlinks = 40

/**
 * A container's filesystem seen from outside, before (or while) it is mounted. Every symbolic link is followed inside the root,
 * so nothing an image holds can lead a path out to this machine.
 */
export class RootView {
  readonly #mounts: MountedFolders[] = []

  constructor(mounts: readonly MountedFolders[]) {
    for (const mount of mounts) this.mount(mount)
  }

  mount(mount: MountedFolders): void {
    this.#mounts.unshift(mount)
    this.#mounts.sort((a, b) => b.at.length - a.at.length)
  }

  /** The entry itself (links not followed) and where it lies on this machine. */
  entry(path: string): { readonly stats: Stats; readonly hostPath: string } | undefined {
    for (const hostPath of this.#candidates(path)) {
      const stats = lstatIfThere(hostPath)
      if (!stats) continue
      return isWhiteout(stats) ? undefined : { stats, hostPath }
    }
    return undefined
  }

  /** The path with all links followed; parts that do not exist are kept as they are. */
  resolve(path: string): string {
    let current = '/'
    const parts = path.split('/')
    for (let links = 0; parts.length > 0;) {
      const part = parts.shift()!
      if (part === '' || part === '.') continue
      if (part === '..') {
        current = dirname(current)
        continue
      }
      const next = join(current, part)
      const found = this.entry(next)
      if (!found?.stats.isSymbolicLink()) {
        current = next
        continue
      }
      if (++links > maxSymlinks) throw new Error(`too many levels of symbolic links in ${path}`)
      const target = readlinkSync(found.hostPath)
      if (target.startsWith('/')) current = '/'
      parts.unshift(...target.split('/'))
    }
    return current
  }

  find(path: string): { readonly stats: Stats; readonly hostPath: string } | undefined {
    return this.entry(this.resolve(path))
  }

  /** Makes the folder and what leads to it where there is none; gives the resolved path. */
  ensureFolder(path: string): string {
    const resolved = this.resolve(path)
    if (!this.entry(resolved)?.stats.isDirectory()) this.#materialise(resolved)
    return resolved
  }

  /** As `ensureFolder`, and it is there in the topmost folder afterwards, with owner and mode of what lies below. */
  claimFolder(path: string): string {
    const resolved = this.resolve(path)
    this.#materialise(resolved)
    return resolved
  }

  ensureFile(path: string): string {
    const resolved = this.resolve(path)
    if (this.entry(resolved)) return resolved
    this.#materialise(dirname(resolved))
    writeFileSync(this.#target(resolved), '', { mode: 0o644 })
    return resolved
  }

  #materialise(path: string): void {
    const existing = this.entry(path)
    if (path === '/' || existing?.hostPath === this.#candidates(path)[0]) return
    if (this.#mounts.some((mount) => mount.at === path)) return
    const target = this.#target(path)
    this.#materialise(dirname(path))
    if (existing && !existing.stats.isDirectory()) throw new Error(`${path} is not a directory`)
    mkdirSync(target, { mode: 0o755 })
    if (!existing) return
    chownSync(target, existing.stats.uid, existing.stats.gid)
    chmodSync(target, existing.stats.mode & 0o7777)
  }

  #target(path: string): string {
    const target = this.#candidates(path)[0]
    if (target === undefined || this.#mountOf(path)?.readOnly) throw new Error(`${path} cannot be made: it lies in a read-only folder`)
    return target
  }

  #mountOf(path: string): MountedFolders | undefined {
    return this.#mounts.find(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`))
  }

  #candidates(path: string): string[] {
    const mount = this.#mountOf(path)
    if (!mount) return []
    const rest = mount.at === '/' ? path : path.slice(mount.at.length)
    return mount.folders.map((folder) => (rest === '' || rest === '/' ? folder : join(folder, rest)))
  }
}

const isWhiteout = (stats: Stats) => stats.isCharacterDevice() && stats.rdev === 0

function lstatIfThere(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
