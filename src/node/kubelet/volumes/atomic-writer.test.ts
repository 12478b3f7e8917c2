import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { writeAtomically } from './atomic-writer.ts'

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'knarr-volume-'))))
afterEach(() => rm(folder, { recursive: true }))

const write = (files: Record<string, string>, nowMs = 0) =>
  writeAtomically(folder, new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o640 }])), { nowMs })

it('shows files through ..data and switches them at once', async () => {
  expect(await write({ a: '1', 'sub/b': '2' })).toBe(true)
  expect(await readFile(join(folder, 'sub/b'), 'utf8')).toBe('2')
  expect(await readlink(join(folder, 'a'))).toBe('..data/a')
  expect((await stat(join(folder, 'a'))).mode & 0o777).toBe(0o640)
  const first = await readlink(join(folder, '..data'))

  expect(await write({ a: '1', 'sub/b': '2' })).toBe(false)
  expect(await readlink(join(folder, '..data'))).toBe(first)

  expect(await write({ a: '3', c: '4' })).toBe(true)
  expect(await readFile(join(folder, 'a'), 'utf8')).toBe('3')
  expect((await readdir(folder)).filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'c'])
  expect((await readdir(folder)).filter((name) => name.startsWith('..2') || name.startsWith('..1'))).toHaveLength(1)
})
