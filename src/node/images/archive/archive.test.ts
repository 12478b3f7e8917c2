import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../base/lib/log.ts'
import { pruneImages } from '../image-garbage.ts'
import { tarOf } from '../layers/test-tar.ts'
import { createImageStore, type LocalImageStore } from '../local-image-store.ts'
import { sha256Of } from '../oci-layout.ts'
import { hostPlatform } from '../platform.ts'
import { loadArchive } from './load.ts'
import { saveArchive } from './save.ts'

const base = mkdtempSync(join(tmpdir(), 'knarr-archive-'))
let folder: string
let store: LocalImageStore
const open = (name: string) => createImageStore({ directory: join(folder, name), log: silentLog, nodeExecutable: process.execPath })
beforeEach(async () => {
  folder = mkdtempSync(join(base, 'case-'))
  store = await open('one')
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

const layer = tarOf([{ path: 'file', text: 'content' }])
const config = JSON.stringify({ ...hostPlatform, config: { Cmd: ['x'] }, rootfs: { type: 'layers', diff_ids: [sha256Of(layer)] } })
/** As `docker save` wrote it for years: a layer twice in the image is a link to the first. */
const dockerSave = (tags: readonly string[] | null) =>
  tarOf([
    { path: 'abc.json', text: config },
    { path: 'real/layer.tar', text: layer.toString('latin1') },
    { path: 'l1/layer.tar', type: 'symlink', linkPath: '../real/layer.tar' },
    { path: 'manifest.json', text: JSON.stringify([{ Config: 'abc.json', RepoTags: tags, Layers: ['l1/layer.tar'] }]) },
  ])
const write = (bytes: Buffer) => {
  writeFileSync(join(folder, 'archive'), bytes)
  return join(folder, 'archive')
}

describe('archives', () => {
  it.each([
    ['plain', (bytes: Buffer) => bytes],
    ['compressed', gzipSync],
  ])('of docker save are taken in, %s', async (_, compress) => {
    const [image] = await loadArchive(store, write(compress(dockerSave(['app:1', 'other/app:2']))))
    expect(image).toMatchObject({ id: sha256Of(Buffer.from(config)), tags: ['docker.io/library/app:1', 'docker.io/other/app:2'], config: { cmd: ['x'] } })
    const { image: found, isLocal } = (await store.resolve('app:1'))!
    expect([readFileSync(join(found.lowerDirs[0]!, 'file'), 'utf8'), isLocal]).toEqual(['content', true])
  })

  it('are written so that another store takes them in as they were', async () => {
    await loadArchive(store, write(dockerSave(['app:1'])))
    await saveArchive(store, ['app:1'], join(folder, 'saved.tar'))
    const other = await open('two')
    const [image] = await loadArchive(other, join(folder, 'saved.tar'))
    expect(image).toMatchObject({ digest: (await store.resolve('app:1'))!.image.digest, tags: ['docker.io/library/app:1'] })
  })

  it('need a name from somewhere', async () => {
    await expect(loadArchive(store, write(dockerSave(null)))).rejects.toThrow('the archive names no image: give it a name with --tag')
    expect((await loadArchive(store, write(dockerSave(null)), { tag: 'mine' }))[0]!.tags).toEqual(['docker.io/library/mine:latest'])
  })

  it.each([
    [tarOf([{ path: 'a', text: 'b' }]), 'this is no archive of images'],
    [tarOf([{ path: 'manifest.json', text: '[{"Config":"c","RepoTags":null,"Layers":[]}]' }]), 'c is missing in the archive'],
    [
      tarOf([
        { path: 'oci-layout', text: '{}' },
        { path: 'index.json', text: '{"manifests":[]}' },
        { path: `blobs/sha256/${'0'.repeat(64)}`, text: 'x' },
      ]),
      'of the archive is damaged',
    ],
  ])('that are broken say how', async (bytes, message) => {
    await expect(loadArchive(store, write(bytes))).rejects.toThrow(message)
  })
})

describe('garbage', () => {
  const old = (digest: string) => utimesSync(store.layout.blobPath(digest), 0, 0)
  const inAnHour = () => Date.now() + 3_600_000

  it('is what has no name and no container, and what no image needs', async () => {
    await loadArchive(store, write(dockerSave(['app:1'])))
    const { image } = (await store.resolve('app:1'))!
    await store.tag('knarr.local/host', 'app:1')
    const stray = store.layout.addBlob('x', { stray: true })
    old(stray.digest)
    expect(await pruneImages(store, { inUse: new Set([image.id]), all: false, nowMs: Date.now() })).toMatchObject({ images: 0 })
    expect([store.layout.hasBlob(stray.digest), (await store.resolve(image.id))?.image.tags]).toEqual([true, []])
    expect(await pruneImages(store, { inUse: new Set(), all: false, nowMs: inAnHour() })).toMatchObject({ images: 1 })
    expect([store.layout.hasBlob(stray.digest), await store.resolve(image.id), store.layout.unpackedLayers()]).toEqual([false, undefined, []])
    expect((await store.resolve('app:1'))!.image.tags).toContain('knarr.local/host:latest')
  })

  it('is all that no container runs from, where that is asked for', async () => {
    await loadArchive(store, write(dockerSave(['app:1'])))
    const { image } = (await store.resolve('app:1'))!
    expect((await pruneImages(store, { inUse: new Set([image.id]), all: true, nowMs: Date.now() })).images).toBe(0)
    expect((await pruneImages(store, { inUse: new Set(), all: true, nowMs: Date.now() })).images).toBe(1)
    expect((await store.list()).map(({ tags }) => tags[0])).toEqual(['knarr.local/host-node:latest', 'knarr.local/host:latest'])
  })
})
