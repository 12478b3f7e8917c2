import {
  chmodSync,
  lchownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { basename, dirname, join, normalize, posix, relative } from 'node:path'
import type { Image } from '../image-store.ts'
import type { Owner } from './accounts.ts'
import { globToRegExp, isGlob } from '../patterns.ts'
import { RootView } from '../root-view.ts'

export interface CopyOptions {
  readonly context: string
  readonly sources: readonly string[]
  /** Absolute; with `/` at its end where it is named as a folder. */
  readonly destination: string
  readonly isIgnored: (path: string) => boolean
  /** The image below with the new layer on top. */
  readonly view: RootView
  /** Folder of the new layer. */
  readonly layer: string
  /** Each keeps its own where absent, as what comes from another stage does. */
  readonly owner: Owner | undefined
  /** For all files and folders; each keeps its own where absent. */
  readonly mode?: number | undefined
}

/** The COPY instruction: a folder gives its contents, a file itself. Throws when nothing of the context fits a source. */
export function copyIntoLayer(options: CopyOptions): void {
  const matches = options.sources.flatMap((source) => expandSource(options, source))
  const intoFolder = options.destination.endsWith('/') || isFolderInImage(options.view, options.destination)
  if (matches.length > 1 && !intoFolder) throw new Error('when copying more than one source, the destination must be a folder and end with a /')
  for (const path of matches) {
    // Links are followed inside the context only.
    const found = new RootView([{ at: '/', folders: [options.context] }]).find(`/${path}`)
    if (!found) throw new Error(`"/${path}": not found in the build context`)
    if (found.stats.isDirectory()) copyFolder(options, relative(options.context, found.hostPath) || '.', options.destination)
    else copyEntry(options, found.hostPath, intoFolder ? posix.join(options.destination, basename(path)) : options.destination)
  }
}

function expandSource(options: CopyOptions, source: string): string[] {
  const path = normalize(source.replace(/^\/+/, '')).replace(/\/+$/, '') || '.'
  if (path === '..' || path.startsWith('../')) throw new Error(`${source} is outside of the build context`)
  const found = isGlob(path)
    ? entriesBelow(options.context, '').filter((entry) => globToRegExp(path).test(entry))
    : lstatSync(join(options.context, path), { throwIfNoEntry: false })
      ? [path]
      : []
  const kept = found.filter((entry) => entry === '.' || !options.isIgnored(entry) || lstatSync(join(options.context, entry)).isDirectory())
  if (kept.length === 0) throw new Error(`"/${path}": not found in the build context`)
  return kept
}

function copyFolder(options: CopyOptions, path: string, destination: string): void {
  makeFolder(options, destination, lstatSync(join(options.context, path)))
  for (const name of readdirSync(join(options.context, path)).sort()) {
    const inner = path === '.' ? name : `${path}/${name}`
    const stats = lstatSync(join(options.context, inner))
    const ignored = options.isIgnored(inner)
    if (stats.isDirectory()) {
      if (!ignored) copyFolder(options, inner, posix.join(destination, name))
      else if (hasKept(options, inner)) copyFolder(options, inner, posix.join(destination, name))
    } else if (!ignored) copyEntry(options, join(options.context, inner), posix.join(destination, name))
  }
}

/** A folder left out may hold files that a later `!` line takes back in. */
const hasKept = (options: CopyOptions, folder: string) =>
  entriesBelow(options.context, folder).some((entry) => !options.isIgnored(entry) && !lstatSync(join(options.context, entry)).isDirectory())

function copyEntry(options: CopyOptions, from: string, destination: string): void {
  const stats = lstatSync(from)
  if (!stats.isFile() && !stats.isSymbolicLink()) return
  const target = join(layerPath(options, makeFolder(options, posix.dirname(destination))), posix.basename(destination))
  rmSync(target, { recursive: true, force: true })
  if (stats.isSymbolicLink()) {
    symlinkSync(readlinkSync(from), target)
    return giveTo(target, options.owner ?? stats)
  }
  copyFileSync(from, target)
  giveTo(target, options.owner ?? stats)
  // After the owner, whose change takes set-user-id away.
  chmodSync(target, options.mode ?? stats.mode & 0o7777)
  utimesSync(target, stats.mtime, stats.mtime)
}

/** A new folder is like the one it is copied from, if any. */
function makeFolder(options: CopyOptions, path: string, like?: Stats): string {
  const existed = isFolderInImage(options.view, path)
  const resolved = options.view.claimFolder(path)
  if (existed) return resolved
  giveTo(layerPath(options, resolved), options.owner ?? like ?? { uid: 0, gid: 0 })
  if (like) chmodSync(layerPath(options, resolved), options.mode ?? like.mode & 0o7777)
  return resolved
}

const layerPath = (options: CopyOptions, path: string) => join(options.layer, path)
const isFolderInImage = (view: RootView, path: string) => path === '/' || (view.find(path)?.stats.isDirectory() ?? false)

function giveTo(path: string, owner: Owner): void {
  if (process.getuid?.() === 0) lchownSync(path, owner.uid, owner.gid)
}

function entriesBelow(context: string, folder: string): string[] {
  const base = join(context, folder)
  return readdirSync(base, { withFileTypes: true }).flatMap((entry) => {
    const path = relative(context, join(base, entry.name))
    return entry.isDirectory() ? [path, ...entriesBelow(context, path)] : [path]
  })
}

/** The image below with an empty layer on top of it. */
export function viewWithLayer(layer: string, base: Pick<Image, 'lowerDirs' | 'hostBinds'>): RootView {
  const view = new RootView([{ at: '/', folders: [layer, ...base.lowerDirs] }])
  for (const at of base.hostBinds) view.mount({ at, folders: [join(layer, at), ...base.lowerDirs.map((folder) => join(folder, at)), at] })
  return view
}

/** Makes the parts of a new layer that stand for folders of this machine, so that copies below them land in the layer. */
export function openLayer(layer: string, hostFolders: readonly string[]): void {
  for (const folder of hostFolders) mkdirSync(join(layer, folder), { recursive: true })
}

/** Takes away what `openLayer` made and nothing was copied to. */
export function closeLayer(layer: string, hostFolders: readonly string[]): void {
  for (const folder of hostFolders) {
    for (let path = join(layer, folder); path !== layer && readdirSync(path).length === 0; path = dirname(path)) rmdirSync(path)
  }
}
