import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerConfig, RuntimeContainer, SandboxConfig } from '../runtime.ts'
import { type ProcessIdentity, readIfThere } from './process-identity.ts'

/** What lies on disk of a sandbox and of a container: enough to adopt them, and to remove every trace of them. */
export interface SandboxRecord {
  readonly id: string
  readonly config: SandboxConfig
  readonly createdAtMs: number
  readonly cgroup: string
  readonly holder?: ProcessIdentity
  readonly ip?: string
  readonly stopped?: boolean
}

export interface ContainerRecord {
  readonly id: string
  readonly sandboxId: string
  readonly config: ContainerConfig
  readonly createdAtMs: number
  readonly cgroup: string
  /** Absent until it has ended. */
  readonly end?: Pick<RuntimeContainer, 'startedAtMs' | 'finishedAtMs' | 'exitCode' | 'reason' | 'message'>
}

export const sandboxFolder = (directory: string, id: string) => join(directory, 'sandboxes', id)
export const containerFolder = (directory: string, id: string) => join(directory, 'containers', id)
export const eventsFile = (directory: string) => join(directory, 'events')

export function saveRecord(folder: string, record: SandboxRecord | ContainerRecord): void {
  const file = join(folder, 'record.json')
  writeFileSync(`${file}.new`, JSON.stringify(record))
  renameSync(`${file}.new`, file)
}

export const readSandboxes = (directory: string) => readRecords<SandboxRecord>(join(directory, 'sandboxes'))
export const readContainers = (directory: string) => readRecords<ContainerRecord>(join(directory, 'containers'))

/** Folders without a whole record were being made or removed when the agent was killed; they are named so that they can be cleared. */
function readRecords<T>(folder: string): { readonly records: readonly T[]; readonly broken: readonly string[] } {
  const records: T[] = []
  const broken: string[] = []
  for (const id of foldersOf(folder)) {
    const text = readIfThere(join(folder, id, 'record.json'))
    if (text === undefined) broken.push(join(folder, id))
    else records.push(JSON.parse(text) as T)
  }
  return { records, broken }
}

function foldersOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
