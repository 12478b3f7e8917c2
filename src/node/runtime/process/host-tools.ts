import { accessSync, constants, existsSync, readSync, openSync, closeSync, realpathSync } from 'node:fs'
import { join } from 'node:path'

/** Commands to start one of this machine's tools from a working directory that is its root, although `/` is a container's by then. */
export interface HostTools {
  readonly setpriv: readonly string[]
  /** Gives a terminal's command a session of its own inside the PID namespace, so that a shell there has job control. */
  readonly setsid: readonly string[]
  readonly env: readonly string[]
  readonly sh: readonly string[]
  readonly umount: readonly string[]
}

const searchPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
const needed = ['unshare', 'nsenter', 'setpriv', 'setsid', 'mount', 'umount', 'pivot_root', 'ip', 'env', 'mkfifo', 'mknod', 'sleep', 'sh', 'cp', 'ln', 'mkdir']

export const toolEnvironment = { PATH: searchPath.join(':'), LC_ALL: 'C' }

/** Finds the tools and the loader they need; throws one error that names all that is missing. */
export function findHostTools(): HostTools {
  const missing = needed.filter((name) => !locate(name))
  if (missing.length > 0) {
    throw new Error(`the process runtime needs ${missing.join(', ')}: install util-linux, iproute2 and coreutils, or use the simulated runtime`)
  }
  const relative = (name: string) => runRelative(realpathSync(locate(name)!))
  return { setpriv: relative('setpriv'), setsid: relative('setsid'), env: relative('env'), sh: relative('sh'), umount: relative('umount') }
}

/** A terminal needs two tools more; looked for only when one is asked for. */
export function requireTerminalTools(): void {
  const missing = ['script', 'stty'].filter((name) => !locate(name))
  if (missing.length > 0) throw new Error(`a terminal needs ${missing.join(' and ')}: install util-linux and coreutils`)
}

function locate(name: string): string | undefined {
  return searchPath
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** A dynamic program is run through its own loader with the library folders named, because both are looked up from `/` otherwise. */
function runRelative(program: string): string[] {
  const interpreter = programInterpreter(program)
  if (!interpreter) return [`.${program}`]
  const loader = realpathSync(interpreter)
  return [
    `.${loader}`,
    '--library-path',
    libraryFolders()
      .map((folder) => `.${folder}`)
      .join(':'),
    `.${program}`,
  ]
}

const triplets: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu', arm: 'arm-linux-gnueabihf' }

function libraryFolders(): string[] {
  const triplet = triplets[process.arch]
  const folders = [...(triplet ? [`/lib/${triplet}`, `/usr/lib/${triplet}`] : []), '/lib64', '/usr/lib64', '/lib', '/usr/lib']
  return [...new Set(folders.filter((folder) => existsSync(folder)).map((folder) => realpathSync(folder)))]
}

const programHeaderInterpreter = 3

/** The PT_INTERP entry of a little-endian 32 or 64 bit ELF file; undefined for a static one. */
export function programInterpreter(path: string): string | undefined {
  const fd = openSync(path, 'r')
  try {
    const head = read(fd, 0, 64)
    if (head.toString('latin1', 0, 4) !== '\x7fELF') return undefined
    const wide = head[4] === 2
    const start = wide ? Number(head.readBigUInt64LE(32)) : head.readUInt32LE(28)
    const size = head.readUInt16LE(wide ? 54 : 42)
    const count = head.readUInt16LE(wide ? 56 : 44)
    for (let index = 0; index < count; index++) {
      const entry = read(fd, start + index * size, size)
      if (entry.readUInt32LE(0) !== programHeaderInterpreter) continue
      const offset = wide ? Number(entry.readBigUInt64LE(8)) : entry.readUInt32LE(4)
      const length = wide ? Number(entry.readBigUInt64LE(32)) : entry.readUInt32LE(16)
      return read(fd, offset, length).toString('latin1').replace(/\0+$/, '')
    }
    return undefined
  } finally {
    closeSync(fd)
  }
}

function read(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  readSync(fd, buffer, 0, length, position)
  return buffer
}
