import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { copyPrograms } from './postgres-image.ts'

it.each([
  ['has not made', false],
  ['has made', true],
])('copies libraries whose links npm %s, so that they hold in another root', (_, isLinked) => {
  const root = mkdtempSync(join(tmpdir(), 'knarr-test-'))
  try {
    const [from, to] = [join(root, 'from'), join(root, 'to')]
    for (const folder of ['bin', 'lib', 'share']) mkdirSync(join(from, folder), { recursive: true })
    writeFileSync(join(from, 'lib/liba.so.1.2'), '')
    writeFileSync(join(from, 'lib/liba.a'), '')
    if (isLinked) symlinkSync('liba.so.1.2', join(from, 'lib/liba.so.1'))
    mkdirSync(to)
    copyPrograms(from, to, [{ source: 'lib/liba.so.1.2', target: 'lib/liba.so.1' }])
    expect(readdirSync(join(to, 'lib')).sort()).toEqual(['liba.so.1', 'liba.so.1.2'])
    expect(readlinkSync(join(to, 'lib/liba.so.1'))).toBe('liba.so.1.2')
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
