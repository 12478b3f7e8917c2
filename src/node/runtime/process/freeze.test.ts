import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { whileFrozen } from './freeze.ts'

const root = '/sys/fs/cgroup'
/** Where this machine has a tree of each version, and how a process joins a group of it. */
const trees = [
  { version: 1, mountPoint: root, folders: ['memory', 'cpu'], needs: join(root, 'freezer', 'tasks') },
  { version: 2, mountPoint: existsSync(join(root, 'cgroup.controllers')) ? root : join(root, 'unified'), folders: ['.'], needs: undefined },
].map((tree) => ({ ...tree, needs: tree.needs ?? join(tree.mountPoint, 'cgroup.controllers') }))

describe.each(trees)('containers below control groups of version $version', ({ mountPoint, folders, needs }) => {
  const isThere = existsSync(needs) && process.getuid?.() === 0 && spawnSync('test', ['-w', needs]).status === 0
  const name = `knarr-freeze-test-${process.pid}`
  const groups = folders.map((folder) => join(mountPoint, folder, name))
  let folder: string
  let child: ReturnType<typeof spawn>

  beforeEach(() => {
    if (!isThere) return
    folder = mkdtempSync(join(tmpdir(), 'freeze-'))
    for (const group of groups) mkdirSync(group, { recursive: true })
    const joinAll = groups.map((group) => `echo 0 >${group}/cgroup.procs`).join(';')
    // Each turn is a process of its own: some are born while the others are stopped.
    child = spawn('sh', ['-c', `${joinAll}; while :; do echo row >>${folder}/rows; sleep 0.005; done`], { stdio: 'ignore' })
  })
  afterEach(async () => {
    if (!isThere) return
    child.kill('SIGKILL')
    for (const group of groups) {
      for (let turn = 0; turn < 50 && readFileSync(join(group, 'cgroup.procs'), 'utf8') !== ''; turn++) await sleep(10)
      rmdirSync(group)
    }
    rmSync(folder, { recursive: true })
  })
  const rows = () => (existsSync(join(folder, 'rows')) ? readFileSync(join(folder, 'rows'), 'utf8').length : 0)
  const moves = async () => {
    const before = rows()
    for (let turn = 0; turn < 200 && rows() === before; turn++) await sleep(5)
    return rows() > before
  }

  it.skipIf(!isThere)('stand still for as long as it takes, and go on, also after a failure', async () => {
    for (let round = 0; round < 3; round++) {
      expect(await moves()).toBe(true)
      const { isFrozen, result } = await whileFrozen({ cgroupRoot: name, mountPoint }, async () => {
        const before = rows()
        await sleep(50)
        return rows() - before
      })
      expect({ isFrozen, result }).toEqual({ isFrozen: true, result: 0 })
    }
    await expect(whileFrozen({ cgroupRoot: name, mountPoint }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await moves()).toBe(true)
    const freezer = join(root, 'freezer')
    expect(existsSync(freezer) ? readdirSync(freezer).filter((entry) => entry === name) : []).toEqual([])
  })
})

it('go on where the kernel has no freezer for us, and that is said', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'freeze-'))
  writeFileSync(join(empty, 'x'), '')
  expect(await whileFrozen({ cgroupRoot: 'a', mountPoint: empty }, async () => 'done')).toEqual({ result: 'done', isFrozen: false })
  rmSync(empty, { recursive: true })
})
