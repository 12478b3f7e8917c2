import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hostPathOf } from './host-path.ts'

describe('a hostPath volume', () => {
  const folder = mkdtempSync(join(tmpdir(), 'knarr-host-path-'))
  const server = createServer()
  beforeAll(async () => {
    writeFileSync(join(folder, 'file'), 'content')
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve))
  })
  afterAll(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const at = (name: string) => (name.startsWith('/') ? name : join(folder, name))

  it.each([
    ['Directory', '.'],
    ['File', 'file'],
    ['Socket', 'socket'],
    ['CharDevice', '/dev/null'],
    ['DirectoryOrCreate', '.'],
    ['FileOrCreate', 'file'],
    ['', 'file'],
    ['', 'socket'],
  ])('of type "%s" takes %s', async (type, name) => {
    expect(await hostPathOf({ path: at(name), type })).toBe(at(name))
  })

  it.each([
    ['Directory', 'file', 'is not a directory'],
    ['Directory', 'none', 'is not a directory'],
    ['DirectoryOrCreate', 'file', 'is not a directory'],
    ['File', '.', 'is not a file'],
    ['File', 'none', 'is not a file'],
    ['File', 'socket', 'is not a file'],
    ['FileOrCreate', '.', 'is not a file'],
    ['Socket', 'file', 'is not a socket file'],
    ['CharDevice', 'file', 'is not a character device'],
    ['CharDevice', 'none', 'is not a character device'],
    ['BlockDevice', '/dev/null', 'is not a block device'],
  ])('of type "%s" refuses %s', async (type, name, words) => {
    await expect(hostPathOf({ path: at(name), type })).rejects.toThrow(`hostPath type check failed: ${at(name)} ${words}`)
  })

  it.each([
    ['DirectoryOrCreate', 'a/b', 0o40755],
    ['', 'c/d', 0o40755],
    ['FileOrCreate', 'a/file', 0o100644],
  ])('of type "%s" makes %s', async (type, name, mode) => {
    await hostPathOf({ path: at(name), type })
    expect(statSync(at(name)).mode & ~0o22).toBe(mode)
  })

  it('makes no folder for a file', async () => {
    await expect(hostPathOf({ path: at('nowhere/file'), type: 'FileOrCreate' })).rejects.toThrow('ENOENT')
  })
})
