import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ImageConfig } from './image-store.ts'

/** This machine's part of an image: a small tree of our own, and what of the machine is bound over it, read-only. */
export interface HostBase {
  readonly folder: string
  readonly binds: readonly string[]
}

export const hostImageNames = { 'knarr.local/host-node:latest': 'host-node', 'knarr.local/host:latest': 'host' } as const
export type HostImageKind = (typeof hostImageNames)[keyof typeof hostImageNames]

/** Raised whenever the tree is made differently, so that old ones are not taken for new. */
const formatVersion = 1
const systemFolders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
const emptyFolders = [
  'proc',
  'sys',
  'dev',
  'run',
  'run/lock',
  'usr',
  'etc',
  'home',
  'mnt',
  'media',
  'opt',
  'srv',
  'var',
  'var/lib',
  'var/log',
  'var/cache',
  'var/spool',
]
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Names in /etc that programs read to run at all. Only what everybody may read is taken, and of `ssl` never the private keys. */
const configuration = [
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'ld-musl-x86_64.path',
  'ld-musl-aarch64.path',
  'ssl/openssl.cnf',
  'ssl/cert.pem',
  'localtime',
  'timezone',
  'os-release',
  'debian_version',
  'mime.types',
  'services',
  'protocols',
  'rpc',
  'host.conf',
  'gai.conf',
  'login.defs',
  'profile',
  'bash.bashrc',
  'inputrc',
  'magic',
  'magic.mime',
  'shells',
  'terminfo',
  'perl',
  'python3',
  'python3.11',
  'python3.12',
  'python3.13',
  'postgresql-common',
  'locale.alias',
  'crypto-policies',
]

/** The same, where it is many files: bound rather than copied. */
const largeConfiguration = [
  '/etc/ssl/certs',
  '/etc/alternatives',
  '/etc/fonts',
  '/etc/pki/tls/certs',
  '/etc/pki/ca-trust',
  '/etc/java-17-openjdk',
  '/etc/java-21-openjdk',
]

/** Makes (or finds, while the machine has not changed) the tree that stands under every host image. */
export function prepareHostBase(options: { directory: string; nodeExecutable: string }): HostBase {
  const node = nodeFolder(options.nodeExecutable)
  const binds = ['/usr', ...systemFolders.filter((path) => isRealFolder(path)), ...(node ? [node] : []), ...largeConfiguration].filter((path) =>
    existsSync(path),
  )
  const stamp = createHash('sha256')
    .update(JSON.stringify([formatVersion, binds, configuration.map(stampOf), readIfThere('/etc/passwd')]))
    .digest('hex')
    .slice(0, 16)
  const folder = join(options.directory, stamp)
  if (!existsSync(folder)) makeTree(folder, binds)
  return { folder, binds }
}

export function hostImageConfig(kind: HostImageKind, nodeExecutable: string): ImageConfig {
  const nodeBin = dirname(realpathSync(nodeExecutable))
  const path = systemPath.split(':').includes(nodeBin) ? systemPath : `${nodeBin}:${systemPath}`
  return {
    entrypoint: [],
    cmd: kind === 'host-node' ? ['node'] : ['/bin/sh'],
    env: [`PATH=${path}`],
    workingDir: '',
    user: '',
    exposedPorts: [],
    labels: {},
    stopSignal: 'SIGTERM',
  }
}

/**
 * The folder of the running Node, where it lies outside /usr. If that would show a whole home, or another folder that is never shown,
 * the executable alone is taken.
 */
export function nodeFolder(nodeExecutable: string): string | undefined {
  const executable = realpathSync(nodeExecutable)
  if (executable.startsWith('/usr/')) return undefined
  const prefix = basename(dirname(executable)) === 'bin' ? dirname(dirname(executable)) : dirname(executable)
  const ownsNode = existsSync(join(prefix, 'lib/node_modules')) || existsSync(join(prefix, 'include/node'))
  return ownsNode && prefix.split('/').length > 2 && !/^\/home\/[^/]+$/.test(prefix) ? prefix : executable
}

function makeTree(folder: string, binds: readonly string[]): void {
  // Several processes may open a new store at once: each makes a tree of its own, and the first one is kept.
  const making = `${folder}.${process.pid}-${randomBytes(4).toString('hex')}.new`
  for (const name of emptyFolders) mkdirSync(join(making, name), { recursive: true, mode: 0o755 })
  for (const name of ['tmp', 'var/tmp', 'root', 'home/node']) mkdirSync(join(making, name))
  for (const name of ['tmp', 'var/tmp']) chmodSync(join(making, name), 0o1777)
  chmodSync(join(making, 'root'), 0o700)
  if (process.getuid?.() === 0) chownSync(join(making, 'home/node'), 1000, 1000)
  symlinkSync('/run', join(making, 'var/run'))
  for (const path of systemFolders) if (isLink(path)) symlinkSync(readlinkSync(path), join(making, path))
  for (const path of binds) makeMountPoint(making, path)
  for (const name of configuration) copyReadable(join('/etc', name), join(making, 'etc', name))
  writeAccounts(join(making, 'etc'))
  symlinkSync('/proc/mounts', join(making, 'etc/mtab'))
  try {
    renameSync(making, folder)
  } catch (error) {
    rmSync(making, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
}

function makeMountPoint(tree: string, path: string): void {
  if (statSync(path).isDirectory()) return void mkdirSync(join(tree, path), { recursive: true })
  mkdirSync(dirname(join(tree, path)), { recursive: true })
  writeFileSync(join(tree, path), '')
}

/** System accounts only (a PostgreSQL of the machine wants its own), and `node` as the public Node images have it. */
function writeAccounts(etc: string): void {
  const system = (file: string) =>
    (readIfThere(file) ?? '').split('\n').filter((line) => {
      const id = Number(line.split(':')[2])
      return line !== '' && (id < 1000 || id === 65_534)
    })
  const withoutMembers = (line: string) => [...line.split(':').slice(0, 3), ''].join(':')
  const users = system('/etc/passwd').filter((line) => !line.startsWith('root:'))
  const groups = system('/etc/group')
    .filter((line) => !line.startsWith('root:'))
    .map(withoutMembers)
  writeFileSync(join(etc, 'passwd'), `${['root:x:0:0:root:/root:/bin/sh', ...users, 'node:x:1000:1000::/home/node:/bin/sh'].join('\n')}\n`)
  writeFileSync(join(etc, 'group'), `${['root:x:0:', ...groups, 'node:x:1000:'].join('\n')}\n`)
  writeFileSync(join(etc, 'nsswitch.conf'), 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n')
}

function copyReadable(from: string, to: string): void {
  const stats = lstatSync(from, { throwIfNoEntry: false })
  if (!stats || existsSync(to)) return
  mkdirSync(dirname(to), { recursive: true })
  if (stats.isSymbolicLink()) return symlinkSync(readlinkSync(from), to)
  if ((stats.mode & 0o004) === 0) return
  if (stats.isFile()) return copyFileSync(from, to)
  if (!stats.isDirectory()) return
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) if (name !== 'private') copyReadable(join(from, name), join(to, name))
}

const stampOf = (name: string) => lstatSync(join('/etc', name), { throwIfNoEntry: false })?.mtimeMs
const isLink = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
const isRealFolder = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
const readIfThere = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)
