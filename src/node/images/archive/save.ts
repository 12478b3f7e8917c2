import { createReadStream, createWriteStream, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { paddingOf, writeHeader } from '../layers/tar-entry.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import { mediaTypes, refName } from '../oci-layout.ts'
import { normaliseReference } from '../reference.ts'

/** Writes images as an OCI layout in a tar, with the `manifest.json` that `docker load` reads. Of an index, what runs here. */
export async function saveArchive(store: LocalImageStore, references: readonly string[], file: string): Promise<void> {
  const images = references.map((reference) => {
    const found = store.find(reference)
    if (!found) throw new Error(`there is no image ${reference}`)
    const { digest, manifest } = store.records.manifest(found.descriptor.digest)
    return { name: normaliseReference(reference), descriptor: store.layout.describe(digest), manifest }
  })
  const blobs = new Set(images.flatMap(({ descriptor, manifest }) => [descriptor, manifest.config, ...manifest.layers].map(({ digest }) => digest)))
  const inArchive = (digest: string) => `blobs/${digest.replace(':', '/')}`
  const manifests = images.map(({ name, descriptor }) => ({ ...descriptor, annotations: { 'io.containerd.image.name': name, [refName]: name } }))
  const docker = images.map(({ name, manifest }) => ({
    Config: inArchive(manifest.config.digest),
    RepoTags: [name.replace(/^docker\.io\/(library\/)?/, '')],
    Layers: manifest.layers.map(({ digest }) => inArchive(digest)),
  }))
  async function* members(): AsyncGenerator<Buffer> {
    yield* text('oci-layout', { imageLayoutVersion: '1.0.0' })
    yield* text('index.json', { schemaVersion: 2, mediaType: mediaTypes.index, manifests })
    yield* text('manifest.json', docker)
    for (const digest of blobs) {
      const path = store.layout.blobPath(digest)
      const { size } = statSync(path)
      yield header(inArchive(digest), size)
      yield* createReadStream(path) as AsyncIterable<Buffer>
      yield Buffer.alloc(paddingOf(size))
    }
    yield Buffer.alloc(1024)
  }
  await pipeline(members, createWriteStream(file))
}

function* text(path: string, value: unknown): Generator<Buffer> {
  const content = Buffer.from(JSON.stringify(value))
  yield header(path, content.length)
  yield Buffer.concat([content, Buffer.alloc(paddingOf(content.length))])
}

const header = (path: string, size: number) =>
  writeHeader({ path, type: 'file', linkPath: '', mode: 0o644, uid: 0, gid: 0, size, mtime: 0, device: [0, 0], xattrs: new Map() })
