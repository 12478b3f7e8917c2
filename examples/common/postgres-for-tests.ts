import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DatabaseConfig, openDatabase } from './postgres.ts'

const nobody = 65_534
const isRoot = process.getuid?.() === 0

const folderOfPostgres = (): string | undefined => {
  const debian = existsSync('/usr/lib/postgresql')
    ? readdirSync('/usr/lib/postgresql')
        .sort((a, b) => Number(b) - Number(a))
        .map((version) => `/usr/lib/postgresql/${version}/bin`)
    : []
  return [...debian, ...(process.env['PATH'] ?? '').split(':')].find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/** False where the machine has no PostgreSQL: tests that need one are then skipped, and say so. */
export const hasPostgres = folderOfPostgres() !== undefined && (!isRoot || spawnSync('setpriv', ['--version']).error === undefined)

/** An empty PostgreSQL of the machine in a temporary folder. As root it runs as nobody: it refuses root. */
export const startPostgres = async (): Promise<{ readonly config: DatabaseConfig; stop(): Promise<void> }> => {
  const bin = folderOfPostgres()!
  const folder = mkdtempSync(join(tmpdir(), 'examples-postgres-'))
  chmodSync(folder, 0o700)
  if (isRoot) chownSync(folder, nobody, nobody)
  const plain = (program: string, ...args: string[]): [string, string[]] =>
    isRoot
      ? ['setpriv', [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--pdeathsig=KILL', join(bin, program), ...args]]
      : [join(bin, program), args]
  const data = join(folder, 'data')
  execFileSync(...plain('initdb', '--pgdata', data, '--username=tests', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'), { cwd: '/' })
  const port = await freePort()
  const server = spawn(...plain('postgres', '-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-F'), { cwd: '/', stdio: 'ignore' })
  const ended = once(server, 'exit')
  const stop = async (): Promise<void> => {
    server.kill('SIGQUIT')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const config = { host: '127.0.0.1', port, database: 'postgres', user: 'tests', password: 'none' }
  const database = openDatabase(config, () => undefined)
  try {
    for (let tries = 0; ; tries++) {
      try {
        await database.query('select 1')
        return { config, stop }
      } catch (error) {
        if (tries === 100) throw error
        await sleep(50)
      }
    }
  } catch (error) {
    await stop()
    throw error
  } finally {
    await database.close()
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
