import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { hostImageNames } from './host-image.ts'
import { nameIn } from './image-records.ts'
import type { LocalImageStore } from './local-image-store.ts'

export interface PruneOptions {
  /** Ids of images that containers run from: they are kept. */
  readonly inUse: ReadonlySet<string>
  /** Also images that have a name. */
  readonly all: boolean
  readonly nowMs: number
}

/** What is younger may belong to a pull, a push or a build that has not named its image yet. */
const unnamedForMs = 600_000

/** Removes images without a name (or all), layers that no image needs, and what was left half made. */
export async function pruneImages(store: LocalImageStore, { inUse, all, nowMs }: PruneOptions): Promise<{ images: number; bytes: number }> {
  const before = diskUsage(store)
  const isIdle = (digest: string) => !store.records.runsHere(digest) || !inUse.has(store.records.image(digest).id)
  const gone = store.layout
    .index()
    .filter((descriptor) => (all || nameIn(descriptor) === '') && !Object.hasOwn(hostImageNames, nameIn(descriptor)) && isIdle(descriptor.digest))
  await store.forget((descriptor) => gone.some((other) => other.digest === descriptor.digest && nameIn(other) === nameIn(descriptor)))
  const needed = new Set(store.layout.index().flatMap(({ digest }) => store.records.blobs(digest)))
  for (const digest of [...store.layout.blobs(), ...store.layout.unpackedLayers()]) {
    if (needed.has(digest)) continue
    const path = [store.layout.blobPath(digest), store.layout.layerPath(digest)].find((each) => existsSync(each))
    if (path && nowMs - statSync(path).ctimeMs > unnamedForMs) await store.layout.discard(digest)
  }
  await store.layout.clearLeftovers()
  return { images: new Set(gone.map(({ digest }) => digest)).size, bytes: Math.max(0, before - diskUsage(store)) }
}

/** Bytes that the store takes on the disk: blobs, unpacked layers, caches of builds. */
export function diskUsage({ layout }: LocalImageStore): number {
  const folders = readdirSync(layout.directory).filter((name) => ['blobs', 'layers', 'build-caches', 'making'].includes(name))
  const { stdout } = spawnSync('du', ['-sk', ...folders.map((name) => join(layout.directory, name))], { encoding: 'utf8' })
  return (stdout ?? '').split('\n').reduce((sum, line) => sum + (Number(line.split('\t')[0]) || 0) * 1024, 0)
}
