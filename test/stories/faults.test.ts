import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, isRoot, main, type Answer } from './harness.ts'

const up = ['up', '--runtime', 'simulated', '--nodes', '1'] as const

describe('what is wrong with a cluster is told in one line', () => {
  const sandbox = createSandbox()
  const store = join(sandbox.home, 'profiles', 'default', 'store')
  const oneLine = (answer: Answer, text: RegExp) => {
    expect(answer.stderr).toMatch(text)
    expect(answer.stderr.trim().split('\n')).toHaveLength(1)
    expect(answer.code).toBe(1)
  }
  beforeAll(async () => {
    const { code, stderr } = await sandbox.knarr(...up)
    if (code !== 0) throw new Error(stderr)
    await sandbox.knarr('down')
  })
  afterAll(() => sandbox.remove())

  it('a kubeconfig that is none, and nothing is left running', async () => {
    const file = join(sandbox.home, '..', 'broken')
    writeFileSync(file, 'clusters: [\n')
    oneLine(await sandbox.knarr(...up, '--kubeconfig', file), /^knarr: .*broken is not a kubeconfig; move it away or name another with --kubeconfig\n$/)
    expect((await sandbox.knarr('status')).stdout).toMatch(/default +down/)
  })

  it('a store of a newer version', async () => {
    const database = open<Buffer, string[]>({ path: store, encoding: 'binary', noSubdir: false, maxDbs: 1 })
    await database.put(['meta', 'format'], Buffer.from('7'))
    await database.close()
    oneLine(
      await sandbox.knarr(...up, '--kubeconfig', sandbox.kubeconfig),
      /^knarr: the server cannot run: the data in .* have format 7, and this version reads up to \d+: use the version/,
    )
  })

  it('a store that is no store', async () => {
    rmSync(store, { recursive: true })
    mkdirSync(store)
    writeFileSync(join(store, 'data.mdb'), 'no database at all'.repeat(1000))
    oneLine(
      await sandbox.knarr(...up),
      /^knarr: the server cannot run: the store in .* cannot be opened \(.*\): put a copy in its place, or delete the cluster\n$/,
    )
    expect((await sandbox.knarr('delete')).code).toBe(0)
  })
})

describe.skipIf(!isRoot)('what is wrong with the disk is told in one line (needs root, to mount)', () => {
  const sandbox = createSandbox()
  const folder = mkdtempSync(join(tmpdir(), 'knarr-disk-'))
  const mounted = (options: string) => {
    spawnSync('umount', [folder])
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status).toBe(0)
  }
  const knarr = (...args: string[]) => sandbox.run('env', [`KNARR_HOME=${join(folder, 'data')}`, process.execPath, main, ...args])
  afterAll(async () => {
    await knarr('delete', '--all')
    spawnSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
    await sandbox.remove()
  })

  it('a home that is read-only', async () => {
    mounted('ro')
    const answer = await knarr(...up)
    expect(answer).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^knarr: the folder .*data cannot be written \(E[A-Z]+\); name one that can: KNARR_HOME=FOLDER knarr …\n$/),
    })
  })

  it('a disk that is full', async () => {
    mounted('size=96k')
    const answer = await knarr(...up)
    expect(answer.stderr).toMatch(/^knarr: .*(ENOSPC|no space left on device|No space left on device).*\n$/)
    expect(answer.code).toBe(1)
  })
})
