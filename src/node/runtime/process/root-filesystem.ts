import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Image } from '../../images/image-store.ts'
import type { ContainerConfig } from '../runtime.ts'
import { RootView } from '../../images/root-view.ts'

export interface RootOptions {
  /** The container's own folder. */
  readonly folder: string
  readonly image: Pick<Image, 'lowerDirs' | 'hostBinds'>
  readonly config: Pick<ContainerConfig, 'mounts' | 'workingDir' | 'readOnlyRootFilesystem' | 'privileged' | 'tty'>
  /** Folder with the device nodes and links that every container gets. */
  readonly devices: string
  /** The folder behind /dev/shm. */
  readonly shm: string
  /** Where the writable layers lie: beside the container's record, or in a memory filesystem made at its start. */
  readonly scratch: 'folder' | 'memory'
}

export interface PreparedRoot {
  /** What `mount --all --fstab` mounts, in order. */
  readonly fstab: string
  /** Working directory for that mount: lower folders are named relative to it, as all options must fit in one page. */
  readonly mountFrom: string
  readonly root: string
  /** Folder to be copied into the memory filesystem before mounting, and where that is to be mounted. */
  readonly seed?: { readonly from: string; readonly to: string }
  readonly view: RootView
  /** Folders of this machine that take writes, in the order of their layers `bind-0`, `bind-1`, … */
  readonly layered: readonly string[]
}

interface Line {
  readonly source: string
  readonly target: string
  readonly type: string
  readonly options: string
}

const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const readOnlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** Makes the writable layers with every mount point in them, and the list of mounts that gives the container its root. */
export function prepareRoot(options: RootOptions): PreparedRoot {
  const layers = join(options.folder, 'layers')
  const writable = options.scratch === 'folder' ? layers : join(options.folder, 'seed')
  const root = join(options.folder, 'root')
  for (const folder of [root, layers]) mkdirSync(folder, { recursive: true })
  const lowers = options.image.lowerDirs.length > 0 ? [...options.image.lowerDirs] : [makeFolder(join(options.folder, 'empty'))]
  const from = commonFolder(lowers)
  const layered = options.image.hostBinds.filter((path) => isFolder(path) && wantsLayer(path, options))
  const plain = options.image.hostBinds.filter((path) => !layered.includes(path))
  const overlays = [
    { at: '/', name: 'root', lowers, readOnly: options.config.readOnlyRootFilesystem },
    ...layered.map((at, index) => ({
      at,
      name: `bind-${index}`,
      readOnly: options.config.readOnlyRootFilesystem,
      lowers: [...lowers.map((lower) => join(lower, at)).filter(isFolder), at],
    })),
    { at: '/dev', name: 'dev', lowers: [options.config.privileged ? '/dev' : options.devices], readOnly: false },
  ]
  const view = new RootView([])
  for (const { at, name, lowers: below } of overlays) {
    if (at !== '/') view.ensureFolder(at)
    for (const part of ['upper', 'work']) mkdirSync(join(writable, name, part), { recursive: true })
    view.mount({ at, folders: [join(writable, name, 'upper'), ...below] })
  }
  for (const path of plain) {
    const at = isFolder(path) ? view.ensureFolder(path) : view.ensureFile(path)
    view.mount({ at, folders: [path], readOnly: true })
  }
  for (const folder of ['/proc', '/sys', '/dev/pts', '/dev/shm', '/dev/mqueue']) view.ensureFolder(folder)
  const target = (path: string) => (path === '/' ? root : join(root, path))
  const lines: Line[] = [
    ...overlays.map(({ at, name, lowers: below, readOnly }) => overlayLine({ target: target(at), layer: join(layers, name), lowers: below, from, readOnly })),
    ...plain.map((path) => bindLine(path, target(path), 'bind,ro')),
    ...kernelLines(root, options),
    devptsLine(root, options.config.tty ? join(options.folder, 'pts') : undefined),
    ...volumeLines(options.config.mounts, view, target),
  ]
  view.ensureFolder(options.config.workingDir || '/')
  const fstab = lines.map((line) => `${escape(line.source)} ${escape(line.target)} ${line.type} ${escape(line.options)} 0 0\n`).join('')
  return { fstab, mountFrom: from, root, view, layered, ...(options.scratch === 'memory' ? { seed: { from: writable, to: layers } } : {}) }
}

/** A folder of the machine takes writes, layers of the image and mount points; one deep in /etc only when something wants to be there. */
const wantsLayer = (path: string, { image, config }: RootOptions) =>
  !path.startsWith('/etc/') ||
  image.lowerDirs.some((lower) => hasEntries(join(lower, path))) ||
  config.mounts.some((mount) => mount.containerPath.startsWith(`${path}/`))

function overlayLine(options: { target: string; layer: string; lowers: readonly string[]; from: string; readOnly: boolean }): Line {
  const lowerdir = options.lowers.map((lower) => overlayEscape(relative(options.from, lower) || '.')).join(':')
  const parts = [`lowerdir=${lowerdir}`, `upperdir=${overlayEscape(join(options.layer, 'upper'))}`, `workdir=${overlayEscape(join(options.layer, 'work'))}`]
  return { source: 'overlay', target: options.target, type: 'overlay', options: [options.readOnly ? 'ro' : 'rw', ...parts].join(',') }
}

function kernelLines(root: string, { shm, config: { privileged } }: RootOptions): Line[] {
  const safe = 'nosuid,nodev,noexec'
  const line = (type: string, at: string, options: string): Line => ({ source: type, target: join(root, at), type, options })
  const self = (at: string) => join(root, at)
  return [
    line('proc', '/proc', safe),
    line('sysfs', '/sys', privileged ? safe : `ro,${safe}`),
    bindLine(shm, self('/dev/shm'), 'bind'),
    line('mqueue', '/dev/mqueue', safe),
    ...(privileged ? [] : readOnlyPaths.filter((path) => existsSync(path)).map((path) => bindLine(self(path), self(path), `bind,ro,${safe}`))),
    ...(privileged ? [] : maskedPaths.filter((path) => existsSync(path)).map((path) => maskLine(root, path))),
  ]
}

export const devptsOptions = 'nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5'

/** The terminal of a container's first process is there before its root is: its devpts is shown, not made. */
const devptsLine = (root: string, made: string | undefined): Line =>
  made === undefined
    ? { source: 'devpts', target: join(root, '/dev/pts'), type: 'devpts', options: devptsOptions }
    : bindLine(made, join(root, '/dev/pts'), 'bind,nosuid,noexec')

const maskLine = (root: string, path: string): Line =>
  isFolder(path)
    ? { source: 'tmpfs', target: join(root, path), type: 'tmpfs', options: 'ro,size=0' }
    : bindLine(join(root, '/dev/null'), join(root, path), 'bind')

function volumeLines(mounts: ContainerConfig['mounts'], view: RootView, target: (path: string) => string): Line[] {
  const byDepth = [...mounts].sort((a, b) => depth(a.containerPath) - depth(b.containerPath))
  return byDepth.map((mount) => {
    const at = isFolder(mount.hostPath) ? view.ensureFolder(mount.containerPath) : view.ensureFile(mount.containerPath)
    view.mount({ at, folders: [mount.hostPath] })
    return bindLine(mount.hostPath, target(at), mount.readOnly ? 'rbind,ro' : 'rbind')
  })
}

const bindLine = (source: string, target: string, options: string): Line => ({ source, target, type: 'none', options })
const depth = (path: string) => path.split('/').filter(Boolean).length
const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
const hasEntries = (path: string) => isFolder(path) && readdirSync(path).length > 0
const overlayEscape = (path: string) => path.replace(/[\\:]/g, '\\$&')
const escape = (text: string) => text.replace(/[\s\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`)

function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true })
  return path
}

function commonFolder(paths: readonly string[]): string {
  let folder = paths[0]!
  while (!paths.every((path) => path === folder || path.startsWith(`${folder === '/' ? '' : folder}/`))) folder = dirname(folder)
  return folder
}
