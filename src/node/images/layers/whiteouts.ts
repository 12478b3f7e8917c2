import { posix } from 'node:path'
import type { Rewrite } from './rewrite-tar.ts'
import type { TarEntry } from './tar-entry.ts'

/**
 * Layers say what is gone by names (OCI image spec, "Whiteouts"); overlayfs by a character device 0:0 in the place of what is gone,
 * and an attribute on a folder that hides all below it. These two functions translate, one way each.
 */
const prefix = '.wh.'
const opaqueName = '.wh..wh..opq'
const opaqueAttribute = 'trusted.overlay.opaque'
const opaqueMark: readonly [string, Buffer] = [opaqueAttribute, Buffer.from('y')]
const isOverlayWhiteout = ({ type, device }: TarEntry) => type === 'character' && device[0] === 0 && device[1] === 0

/**
 * For a layer that is to be unpacked into an empty folder. Every path is held inside it: what leads out by `..` is refused, and
 * what leads through a symbolic link of the layer is put where that link points, inside the root. Device nodes are left out.
 */
export function toOverlay(): Rewrite {
  const links = new Map<string, string>()
  const folders = new Map<string, TarEntry>()
  const opaque = new Set<string>()
  const bare = (path: string): TarEntry => ({ ...emptyEntry, path, type: 'directory', mode: 0o755 })
  const folder = (entry: TarEntry) => (opaque.has(entry.path) ? { ...entry, xattrs: new Map([...entry.xattrs, opaqueMark]) } : entry)
  return (original) => {
    const path = insidePath(original.path, links)
    const name = posix.basename(path)
    const parent = posix.dirname(path)
    if (name === opaqueName) {
      opaque.add(parent)
      return [folder(folders.get(parent) ?? bare(parent))]
    }
    if (name.startsWith(`${prefix}${prefix}`)) return []
    if (name.startsWith(prefix)) return [{ ...emptyEntry, path: posix.join(parent, name.slice(prefix.length)), type: 'character' }]
    const entry = { ...original, path, ...(original.type === 'hardlink' ? { linkPath: insidePath(original.linkPath, links) } : {}) }
    links.delete(path)
    if (entry.type === 'symlink') links.set(path, entry.linkPath)
    if (entry.type === 'character' || entry.type === 'block') return []
    if (entry.type !== 'directory') return path === '.' ? [] : [entry]
    folders.set(path, entry)
    return [folder(entry)]
  }
}

/** For a layer that is packed from the upper folder of an overlay. Attributes that are overlayfs' own are left out. */
export function fromOverlay(): Rewrite {
  return (entry) => {
    const path = entry.path.replace(/^\.\//, '')
    if (isOverlayWhiteout(entry)) return [{ ...emptyEntry, path: posix.join(posix.dirname(path), `${prefix}${posix.basename(path)}`) }]
    if (entry.type === 'character' || entry.type === 'block') return []
    const own = new Map([...entry.xattrs].filter(([key]) => !key.startsWith('trusted.overlay.')))
    const kept = { ...entry, path, linkPath: entry.type === 'hardlink' ? entry.linkPath.replace(/^\.\//, '') : entry.linkPath, xattrs: own }
    const isOpaque = entry.xattrs.get(opaqueAttribute)?.toString() === 'y'
    return isOpaque ? [kept, { ...emptyEntry, path: posix.join(path, opaqueName) }] : [kept]
  }
}

const emptyEntry: TarEntry = { path: '', type: 'file', linkPath: '', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0, device: [0, 0], xattrs: new Map() }
const maxLinks = 40

/** Relative to the root, without `.` and `..`; links among the parents are followed, the last part is kept as it is. */
function insidePath(path: string, links: ReadonlyMap<string, string>): string {
  if (posix.normalize(path.replace(/^\/+/, '')).split('/')[0] === '..') throw new Error(`the layer names ${JSON.stringify(path)}, which is outside of it`)
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  const done: string[] = []
  for (let followed = 0; parts.length > 0;) {
    const part = parts.shift()!
    if (part === '.' || part === '') continue
    if (part === '..') {
      done.pop()
      continue
    }
    const target = parts.length > 0 ? links.get([...done, part].join('/')) : undefined
    if (target === undefined) done.push(part)
    else {
      if (++followed > maxLinks) throw new Error(`the layer names ${JSON.stringify(path)}, which leads through a ring of links`)
      if (target.startsWith('/')) done.length = 0
      parts.unshift(...target.split('/'))
    }
  }
  return done.join('/') || '.'
}
