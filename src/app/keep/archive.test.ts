import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { packArchive, readFirstMember, unpackArchive } from './archive.ts'

let folder: string
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'archive-test-'))
  mkdirSync(join(folder, 'in', 'volumes', 'a'), { recursive: true })
  mkdirSync(join(folder, 'out'))
  writeFileSync(join(folder, 'in', 'manifest.json'), '{"kind":"KnarrState"}')
  writeFileSync(join(folder, 'in', 'volumes', 'a', 'row'), 'x'.repeat(300_000), { mode: 0o640 })
  symlinkSync('row', join(folder, 'in', 'volumes', 'a', 'link'))
  await packArchive(join(folder, 'file'), join(folder, 'in'), ['manifest.json', 'volumes'])
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (bytes: Buffer): string => {
  writeFileSync(join(folder, 'other'), bytes)
  return join(folder, 'other')
}

it('gives back what was packed, is for its owner alone, and tells first what it is', async () => {
  const file = join(folder, 'file')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(await readFirstMember(file, 'manifest.json')).toBe('{"kind":"KnarrState"}')
  await unpackArchive(file, join(folder, 'out'))
  expect(readdirSync(join(folder, 'out', 'volumes', 'a'))).toEqual(['link', 'row'])
  expect(statSync(join(folder, 'out', 'volumes', 'a', 'row'))).toMatchObject({ size: 300_000 })
  expect(statSync(join(folder, 'out', 'volumes', 'a', 'row')).mode & 0o777).toBe(0o640)
})

it.each([
  ['a text', () => put(Buffer.from('hello')), 'is no backup of knarr'],
  ['a compressed text', () => put(gzipSync('hello')), 'is no backup of knarr'],
  ['an empty file', () => put(Buffer.alloc(0)), 'is cut off'],
  ['a missing file', () => join(folder, 'none'), 'cannot be read: there is no such file'],
  ['a folder', () => folder, 'cannot be read: it is a folder'],
  ['the beginning of one', () => put(readFileSync(join(folder, 'file')).subarray(0, 60)), 'is cut off'],
])('refuses %s in one line', async (_, file, message) => {
  await expect(readFirstMember(file(), 'manifest.json')).rejects.toThrow(message)
})

it('tells of a file that is cut off behind its beginning', async () => {
  const whole = readFileSync(join(folder, 'file'))
  await expect(unpackArchive(put(whole.subarray(0, whole.length - 20)), join(folder, 'out'))).rejects.toThrow('is cut off')
})

it('leaves nothing where it cannot write', async () => {
  await expect(packArchive(join(folder, 'none', 'file'), join(folder, 'in'), ['manifest.json'])).rejects.toThrow('was not written')
  await expect(packArchive(join(folder, 'second'), join(folder, 'in'), ['manifest.json', 'missing'])).rejects.toThrow('was not written')
  expect(readdirSync(folder).sort()).toEqual(['file', 'in', 'out'])
})
