import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { packTar, unpackTar } from 'modern-tar/fs'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

export const mediaTypes = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const
export const refName = 'org.opencontainers.image.ref.name'

/** A folder in OCI image layout, with the layers unpacked beside it for overlay mounts. Every file appears whole or not at all. */
export class OciLayout {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
    for (const name of ['blobs/sha256', 'layers', 'making']) mkdirSync(join(directory, name), { recursive: true, mode: 0o755 })
    if (!existsSync(join(directory, 'oci-layout'))) this.#replace('oci-layout', '{"imageLayoutVersion":"1.0.0"}\n')
  }

  index(): readonly Descriptor[] {
    const file = join(this.directory, 'index.json')
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { manifests: Descriptor[] }).manifests : []
  }

  writeIndex(manifests: readonly Descriptor[]): void {
    this.#replace('index.json', `${JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }, null, 2)}\n`)
  }

  /** A small file of ours beside the layout, such as the mappings. */
  readJson<T>(name: string, otherwise: T): T {
    const file = join(this.directory, name)
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : otherwise
  }

  writeJson(name: string, value: unknown): void {
    this.#replace(name, `${JSON.stringify(value, null, 2)}\n`)
  }

  blobPath(digest: string): string {
    return join(this.directory, 'blobs', ...digest.split(':'))
  }

  layerPath(digest: string): string {
    return join(this.directory, 'layers', digest.split(':')[1]!)
  }

  readBlob<T>(digest: string): T {
    return JSON.parse(readFileSync(this.blobPath(digest), 'utf8')) as T
  }

  addBlob(mediaType: string, value: object): Descriptor {
    const bytes = Buffer.from(JSON.stringify(value))
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    if (!existsSync(this.blobPath(digest))) this.#replace(this.blobPath(digest).slice(this.directory.length + 1), bytes)
    return { mediaType, digest, size: bytes.length }
  }

  /** An empty folder to make a layer in; hand it to `addLayer`. */
  newLayer(): string {
    const folder = join(this.directory, 'making', randomBytes(8).toString('hex'))
    mkdirSync(folder, { mode: 0o755 })
    return folder
  }

  /** Takes the folder over: packs it as a tar blob and keeps it as the unpacked layer. All entries are of one owner. */
  async addLayer(folder: string, owner: { uid: number; gid: number }): Promise<Descriptor> {
    const tar = `${folder}.tar`
    const hash = createHash('sha256')
    const measured = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        done(null, chunk)
      },
    })
    const header = { uid: owner.uid, gid: owner.gid, uname: '', gname: '' }
    const packed = packTar(folder, { map: (entry) => ({ ...entry, ...header, ...(entry.type === 'directory' ? { mtime: new Date(0) } : {}) }) })
    await pipeline(packed, measured, createWriteStream(tar))
    const digest = `sha256:${hash.digest('hex')}`
    const size = statSync(tar).size
    renameSync(tar, this.blobPath(digest))
    if (existsSync(this.layerPath(digest))) rmSync(folder, { recursive: true })
    else renameSync(folder, this.layerPath(digest))
    return { mediaType: mediaTypes.layer, digest, size }
  }

  /** Unpacks a layer whose folder is missing, as after the store was copied without its unpacked half. */
  async ensureUnpacked(layer: Descriptor): Promise<void> {
    if (existsSync(this.layerPath(layer.digest))) return
    const folder = this.newLayer()
    const blob = createReadStream(this.blobPath(layer.digest))
    await (layer.mediaType.endsWith('gzip') ? pipeline(blob, createGunzip(), unpackTar(folder)) : pipeline(blob, unpackTar(folder)))
    renameSync(folder, this.layerPath(layer.digest))
  }

  discard(digest: string): void {
    rmSync(this.blobPath(digest), { force: true })
    rmSync(this.layerPath(digest), { recursive: true, force: true })
  }

  #replace(name: string, content: string | Buffer): void {
    const making = join(this.directory, 'making', randomBytes(8).toString('hex'))
    writeFileSync(making, content, { mode: 0o644 })
    renameSync(making, join(this.directory, name))
  }
}
