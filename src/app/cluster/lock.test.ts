import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { withLock } from './lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'knarr-lock-'))
afterAll(() => rmSync(folder, { recursive: true }))

it('lets one at a time in', async () => {
  let inside = 0
  let most = 0
  const visit = () =>
    withLock(join(folder, 'a'), async () => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
    })
  await Promise.all([visit(), visit(), visit()])
  expect(most).toBe(1)
})

it('takes over from an owner that died', async () => {
  writeFileSync(join(folder, 'b'), '4194303')
  expect(await withLock(join(folder, 'b'), async () => 'in')).toBe('in')
})

it('is free again after a failure', async () => {
  await expect(withLock(join(folder, 'c'), () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await withLock(join(folder, 'c'), async () => 'in')).toBe('in')
})
