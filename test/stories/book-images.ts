import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sandbox } from './harness.ts'

/** Builds a small image of test/book/images and lets it stand in for the public name. */
export async function standIn(sandbox: Sandbox, context: string, name: string): Promise<void> {
  const tag = `book/${context}`
  const built = await sandbox.knarr('image', 'build', join(import.meta.dirname, '..', 'book', 'images', context), '-t', tag)
  const mapped = await sandbox.knarr('image', 'map', name, tag)
  if (built.code + mapped.code !== 0) throw new Error(built.stdout + built.stderr + mapped.stdout + mapped.stderr)
}

/** Makes the image of PostgreSQL, and lets it stand in for the public name (`postgres:10.1`). */
export async function standInPostgres(sandbox: Sandbox, name: string): Promise<void> {
  const added = await sandbox.knarr('image', 'add', 'postgres')
  const mapped = await sandbox.knarr('image', 'map', name, 'knarr.local/postgres')
  if (added.code + mapped.code !== 0) throw new Error(added.stdout + added.stderr + mapped.stdout + mapped.stderr)
}

/** The process of the machine that is the first one of a container of that image: never a PostgreSQL that is the machine's own. */
export function processOfPostgres(): number {
  const isOurs = (pid: string) => {
    try {
      const isFirst = /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
      return isFirst && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('postgres\0-c\0unix_socket_directories=')
    } catch {
      return false
    }
  }
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && isOurs(name))
  if (pid === undefined) throw new Error('no container of PostgreSQL runs')
  return Number(pid)
}
