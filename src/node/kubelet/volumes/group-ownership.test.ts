import { chmod, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Pod } from '../../../base/api/generated/types.ts'
import { shareWithGroup } from './group-ownership.ts'

let volume: string
const group = 4321
const pod = (fsGroupChangePolicy?: string) => ({ spec: { securityContext: { fsGroup: group, fsGroupChangePolicy } } }) as unknown as Pod
const seen = async (path = '') => {
  const { gid, mode } = await lstat(join(volume, path))
  return `${gid} ${(mode & 0o7777).toString(8)}`
}

beforeEach(async () => {
  volume = await mkdtemp(join(tmpdir(), 'knarr-volume-'))
  await mkdir(join(volume, 'folder'), { mode: 0o700 })
  await writeFile(join(volume, 'folder/file'), '', { mode: 0o600 })
  await symlink('/etc/passwd', join(volume, 'link'))
})
afterEach(() => rm(volume, { recursive: true, force: true }))

// Only root may give files away.
describe.skipIf(process.getuid?.() !== 0)('a volume of a group', () => {
  it('is the group’s with all that is in it, and what a link points at is not', async () => {
    const before = await lstat('/etc/passwd')
    await shareWithGroup(volume, pod())
    expect([await seen(), await seen('folder'), await seen('folder/file')]).toEqual([`${group} 2770`, `${group} 2770`, `${group} 660`])
    expect((await lstat(join(volume, 'link'))).gid).toBe(group)
    expect(await lstat('/etc/passwd')).toMatchObject({ gid: before.gid, mode: before.mode })
  })

  it('is left alone with OnRootMismatch where its top folder is right', async () => {
    await shareWithGroup(volume, pod('OnRootMismatch'))
    await chmod(join(volume, 'folder/file'), 0o600)
    await shareWithGroup(volume, pod('OnRootMismatch'))
    expect(await seen('folder/file')).toBe(`${group} 600`)
    await shareWithGroup(volume, pod('Always'))
    expect(await seen('folder/file')).toBe(`${group} 660`)
  })
})
