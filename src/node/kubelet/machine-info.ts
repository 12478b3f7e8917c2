import { readFileSync } from 'node:fs'
import { arch, release } from 'node:os'
import { createHash } from 'node:crypto'

/** What `status.nodeInfo` tells of the machine, without the versions of our own parts. */
export interface MachineInfo {
  readonly machineID: string
  readonly systemUUID: string
  readonly bootID: string
  readonly kernelVersion: string
  readonly osImage: string
  readonly architecture: string
}

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

/** `PRETTY_NAME` of an os-release file, unquoted. */
export const osImageOf = (osRelease: string): string => /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(osRelease)?.[2] ?? 'Linux'

/** Virtual nodes share a machine, so each node's machine and system identity is derived from the machine's and the node's name. */
export const readMachineInfo = (nodeName: string): MachineInfo => {
  const machine = readText('/etc/machine-id') || readText('/proc/sys/kernel/random/boot_id')
  const id = createHash('sha256').update(`${machine}/${nodeName}`).digest('hex').slice(0, 32)
  return {
    machineID: id,
    systemUUID: id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    bootID: readText('/proc/sys/kernel/random/boot_id'),
    kernelVersion: release(),
    osImage: osImageOf(readText('/etc/os-release')),
    architecture: goArchitectures[arch()] ?? arch(),
  }
}
