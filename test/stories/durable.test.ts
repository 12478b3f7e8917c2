import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configMaps } from '../../src/base/api/kinds.ts'
import { createHttpClient } from '../../src/base/client/http-client.ts'
import { readPki } from '../../src/app/cluster/pki.ts'
import { profilePaths } from '../../src/app/cluster/profile.ts'
import { createSandbox, eventually } from './harness.ts'

const canTrace = process.getuid?.() === 0 && spawnSync('strace', ['-V']).error === undefined
const writes = 10

/** What the server did in order: R a request read, S the store synced, W an answer written. */
function story(trace: string, port: number): string {
  const ours = `TCP:[127.0.0.1:${port}->`
  return trace
    .split('\n')
    .map((line) => {
      if (/(fdatasync|fsync|msync)(\(.*| resumed.*)= 0$/.test(line)) return 'S'
      if (!line.includes(ours) || /= -1|= 0$/.test(line)) return ''
      if (/\b(read|recvfrom|readv)\(/.test(line)) return 'R'
      return /\b(write|writev|sendto|sendmsg)\(/.test(line) ? 'W' : ''
    })
    .join('')
}

describe.skipIf(!canTrace)('a confirmed write is on the disk (needs root and strace)', () => {
  const sandbox = createSandbox()
  const paths = profilePaths(sandbox.home, 'default')
  beforeAll(async () => {
    const { code, stderr } = await sandbox.knarr('up', '--runtime', 'simulated', '--nodes', '1')
    if (code !== 0) throw new Error(stderr)
  })
  afterAll(() => sandbox.remove())

  it('syncs the store after each request and before its answer', async () => {
    const { apiPort } = sandbox.profile()
    const pki = readPki(paths.pki)
    const client = createHttpClient({ url: `https://127.0.0.1:${apiPort}`, ca: pki.serverCA, ...pki.client('admin') })
    await client.list(configMaps, { limit: 1 })
    const file = join(sandbox.home, 'trace')
    const pid = readFileSync(join(paths.run, 'server.pid'), 'utf8').trim()
    const calls = 'trace=read,readv,recvfrom,write,writev,sendto,sendmsg,fdatasync,fsync,msync'
    const strace = spawn('strace', ['-f', '-yy', '-s', '0', '-e', calls, '-o', file, '-p', pid], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    strace.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
    await eventually(
      async () => said,
      (text) => text.includes('attached'),
      'strace looks on',
    )
    for (let index = 0; index < writes; index++) await client.create(configMaps, { metadata: { namespace: 'default', name: `durable-${index}` } })
    const exited = once(strace, 'exit')
    strace.kill('SIGINT')
    await exited
    const seen = story(readFileSync(file, 'utf8'), apiPort)
    const rounds = seen.match(/R[^W]*W/g) ?? []
    expect(rounds.length, seen).toBeGreaterThanOrEqual(writes)
    expect(
      rounds.filter((round) => !round.includes('S')),
      seen,
    ).toEqual([])
  })
})
