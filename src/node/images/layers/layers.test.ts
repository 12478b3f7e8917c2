import { spawnSync } from 'node:child_process'
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { packLayer, unpackLayer } from './layer-folders.ts'
import { readTar, rewriteTar } from './rewrite-tar.ts'
import { type TarEntry, writeHeader } from './tar-entry.ts'
import { tarOf } from './test-tar.ts'
import { fromOverlay, toOverlay } from './whiteouts.ts'

const base = mkdtempSync(join(tmpdir(), 'knarr-layers-'))
const isRoot = process.getuid?.() === 0
let folder: string
beforeEach(() => (folder = mkdtempSync(join(base, 'layer-'))))
afterAll(() => rmSync(base, { recursive: true, force: true }))

const unpacked = async (entries: Parameters<typeof tarOf>[0], compress: (bytes: Buffer) => Buffer = (bytes) => bytes) => {
  const file = join(base, 'layer.tar')
  writeFileSync(file, compress(tarOf(entries)))
  return unpackLayer(file, folder)
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const read = async (bytes: Buffer, size = 700) => {
  const found: (Pick<TarEntry, 'path' | 'type' | 'linkPath'> & { text: string })[] = []
  for await (const { entry, content } of readTar(chunks(bytes, size))) {
    const parts: Buffer[] = []
    for await (const part of content) parts.push(part)
    found.push({ path: entry.path, type: entry.type, linkPath: entry.linkPath, text: Buffer.concat(parts).toString() })
  }
  return found
}

describe('tar archives', () => {
  const long = `${'deep/'.repeat(60)}end`

  it.each([1, 511, 512, 4096])('are read in whatever pieces they come (%i bytes)', async (size) => {
    const bytes = tarOf([
      { path: 'a', text: 'x'.repeat(1500) },
      { path: long, text: 'y' },
      { path: 'ünï', type: 'symlink', linkPath: long },
    ])
    expect(await read(bytes, size)).toEqual([
      { path: 'a', type: 'file', linkPath: '', text: 'x'.repeat(1500) },
      { path: long, type: 'file', linkPath: '', text: 'y' },
      { path: 'ünï', type: 'symlink', linkPath: long, text: '' },
    ])
  })

  it.each(['gnu', 'pax', 'ustar', 'v7'])('of the form %s that GNU tar writes are read', async (format) => {
    mkdirSync(join(folder, 'sub/'.repeat(format === 'v7' ? 3 : 20)), { recursive: true })
    const name = `${'sub/'.repeat(format === 'v7' ? 3 : 20)}file`
    writeFileSync(join(folder, name), 'content')
    const { stdout } = spawnSync('tar', ['-c', '-f', '-', `--format=${format}`, name], { cwd: folder })
    expect(await read(stdout)).toEqual([{ path: name, type: 'file', linkPath: '', text: 'content' }])
  })

  it('keep large numbers and extended attributes', async () => {
    const entry = { path: 'f', uid: 3_000_000, mtime: 1.5, xattrs: new Map([['security.capability', Buffer.from([0, 1, 10, 255])]]) }
    for await (const { entry: found } of readTar(chunks(tarOf([entry]), 512))) expect(found).toMatchObject(entry)
  })

  it.each([
    ['damaged', (bytes: Buffer) => Buffer.concat([Buffer.from('x'), bytes.subarray(1)]), 'not a tar archive, or it is damaged'],
    ['cut off', (bytes: Buffer) => bytes.subarray(0, 700), 'cut off'],
  ])('that are %s are refused', async (_, damage, message) => {
    await expect(read(damage(tarOf([{ path: 'a', text: 'x'.repeat(600) }])))).rejects.toThrow(message)
  })
})

describe('layers', () => {
  const rewritten = async (entries: Parameters<typeof tarOf>[0]) => {
    const parts: Buffer[] = []
    for await (const part of rewriteTar(chunks(tarOf(entries), 512), toOverlay())) parts.push(part)
    return read(Buffer.concat(parts))
  }

  it.each([
    ['../etc/passwd', 'outside of it'],
    ['a/../../b', 'outside of it'],
    ['/../b', 'outside of it'],
  ])('never lead out of their folder: %s', async (path, message) => {
    await expect(rewritten([{ path, text: 'x' }])).rejects.toThrow(message)
    await expect(rewritten([{ path: 'x', type: 'hardlink', linkPath: path }])).rejects.toThrow(message)
  })

  it('put what lies below a link where the link points, inside the root', async () => {
    const entries = await rewritten([
      { path: 'lib', type: 'symlink', linkPath: '/usr/lib' },
      { path: 'up', type: 'symlink', linkPath: '../../..' },
      { path: 'lib/a', text: '1' },
      { path: 'up/etc/b', text: '2' },
    ])
    expect(entries.map(({ path }) => path)).toEqual(['lib', 'up', 'usr/lib/a', 'etc/b'])
  })

  it.runIf(isRoot)('become folders as overlayfs wants them, and layers again', async () => {
    const entries = [
      { path: './', type: 'directory' as const, mode: 0o755 },
      { path: './bin/', type: 'directory' as const, mode: 0o700 },
      { path: './bin/su', text: 'su', mode: 0o4755, uid: 0, gid: 42, xattrs: new Map([['user.note', Buffer.from('kept')]]) },
      { path: './bin/again', type: 'hardlink' as const, linkPath: './bin/su' },
      { path: './bin/link', type: 'symlink' as const, linkPath: '../x', uid: 7 },
      { path: './bin/.wh..wh..opq' },
      { path: './gone/.wh.old' },
      { path: './dev/sda', type: 'block' as const, device: [8, 0] as const },
    ]
    const diffId = await unpacked(entries, gzipSync)
    expect(diffId).toMatch(/^sha256:/)
    const stats = (path: string) => lstatSync(join(folder, path))
    expect(stats('bin/su')).toMatchObject({ mode: 0o104755, gid: 42, nlink: 2 })
    expect(stats('bin').mode & 0o777).toBe(0o700)
    expect(stats('bin/link').uid).toBe(7)
    expect(readlinkSync(join(folder, 'bin/link'))).toBe('../x')
    expect(stats('gone/old').isCharacterDevice() && stats('gone/old').rdev).toBe(0)
    expect(lstatSync(join(folder, 'dev/sda'), { throwIfNoEntry: false })).toBeUndefined()
    const file = join(base, 'packed.tar')
    const packed = await packLayer(folder, file)
    const again = await read(readFileSync(file))
    expect(packed.size).toBe(statSync(file).size)
    expect(again.map(({ path }) => path).sort()).toEqual(['bin/', 'bin/.wh..wh..opq', 'bin/again', 'bin/link', 'bin/su', 'gone/', 'gone/.wh.old'])
    expect(again.filter(({ type }) => type === 'hardlink')).toHaveLength(1)
  })

  it('do not follow a link that the layer itself made out to this machine', async () => {
    mkdirSync(join(base, 'outside'), { recursive: true })
    await unpacked([
      { path: 'out', type: 'symlink', linkPath: join(base, 'outside') },
      { path: 'out/evil', text: 'x' },
    ]).catch(() => undefined)
    expect(statSync(join(base, 'outside/evil'), { throwIfNoEntry: false })).toBeUndefined()
  })

  it('pack to the same digest for the same files', async () => {
    writeFileSync(join(folder, 'a'), '1')
    const pack = () => packLayer(folder, join(base, 'x.tar'), { isReproducible: true, owner: { uid: 1, gid: 2 } })
    const first = await pack()
    symlinkSync('x', join(folder, 'temporary'))
    rmSync(join(folder, 'temporary'))
    expect(await pack()).toEqual(first)
  })

  it('say what is wrong with them', async () => {
    const file = join(base, 'bad.tar')
    writeFileSync(file, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]))
    await expect(unpackLayer(file, folder)).rejects.toThrow(/zstd|frame|unexpected|unsupported|Unknown/i)
    writeFileSync(file, 'not a tar'.repeat(100))
    await expect(unpackLayer(file, folder)).rejects.toThrow('not a tar archive')
  })

  it('leave overlayfs’ own marks out of what is packed', () => {
    const entry: TarEntry = { path: './a/b', type: 'character', linkPath: '', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0, device: [0, 0], xattrs: new Map() }
    expect(fromOverlay()(entry)).toMatchObject([{ path: 'a/.wh.b', type: 'file' }])
    expect(writeHeader({ ...entry, path: 'x'.repeat(200) }).length).toBe(512 * 3)
  })
})
