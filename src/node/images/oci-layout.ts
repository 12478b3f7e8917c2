import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withFileLock } from '../../base/lib/file-lock.ts'
import { packLayer, type PackOptions, unpackLayer } from './layers/layer-folders.ts'
import type { Platform } from './platform.ts'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Platform
}

export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

export interface ImageIndex {
  readonly schemaVersion: 2
  readonly mediaType?: string
  readonly manifests: readonly Descriptor[]
}

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const
export const refName = 'org.opencontainers.image.ref.name'

export const isIndexType = (mediaType: string) => mediaType === mediaTypes.index || mediaType === mediaTypes.dockerList
export const sha256Of = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** A folder in OCI image layout, with the layers unpacked beside it for overlay mounts. Every file appears whole or not at all. */
export class OciLayout {
  readonly directory: string
  readonly #unpacking = new Map<string, Promise<void>>()

  constructor(directory: string) {
    this.directory = directory
    for (const name of ['blobs/sha256', 'layers', 'making']) mkdirSync(join(directory, name), { recursive: true, mode: 0o755 })
    if (!existsSync(join(directory, 'oci-layout'))) this.#replace('oci-layout', '{"imageLayoutVersion":"1.0.0"}\n')
  }

  index(): readonly Descriptor[] {
    const file = join(this.directory, 'index.json')
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { manifests: Descriptor[] }).manifests : []
  }

  /** Other processes have the store open as well: whoever changes the index reads it and writes it under one lock. */
  updateIndex(change: (manifests: readonly Descriptor[]) => readonly Descriptor[]): Promise<void> {
    return this.#locked(() => {
      const before = this.index()
      const manifests = change(before)
      if (manifests === before) return
      this.#replace('index.json', `${JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }, null, 2)}\n`)
    })
  }

  /** A small file of ours beside the layout, such as the mappings. */
  readJson<T>(name: string, otherwise: T): T {
    const file = join(this.directory, name)
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : otherwise
  }

  updateJson<T>(name: string, otherwise: T, change: (value: T) => T): Promise<void> {
    return this.#locked(() => this.#replace(name, `${JSON.stringify(change(this.readJson(name, otherwise)), null, 2)}\n`))
  }

  blobPath(digest: string): string {
    return join(this.directory, 'blobs', ...digest.split(':'))
  }

  hasBlob(digest: string): boolean {
    return existsSync(this.blobPath(digest))
  }

  blobs(): readonly string[] {
    return readdirSync(join(this.directory, 'blobs/sha256')).map((name) => `sha256:${name}`)
  }

  unpackedLayers(): readonly string[] {
    return readdirSync(join(this.directory, 'layers')).map((name) => `sha256:${name}`)
  }

  layerPath(digest: string): string {
    return join(this.directory, 'layers', digest.split(':')[1]!)
  }

  readBlob<T>(digest: string): T {
    return JSON.parse(readFileSync(this.blobPath(digest), 'utf8')) as T
  }

  /** The descriptor of a manifest or an index that is here. */
  describe(digest: string): Descriptor {
    const value = this.readBlob<{ mediaType?: string; manifests?: unknown }>(digest)
    const mediaType = value.mediaType ?? (value.manifests ? mediaTypes.index : mediaTypes.manifest)
    return { mediaType, digest, size: statSync(this.blobPath(digest)).size }
  }

  addBlob(mediaType: string, value: object): Descriptor {
    const bytes = Buffer.from(JSON.stringify(value))
    const digest = sha256Of(bytes)
    this.writeBlob(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }

  /** The digest is known to be that of the bytes. */
  writeBlob(digest: string, bytes: Buffer): void {
    if (!this.hasBlob(digest)) this.#replace(this.blobPath(digest).slice(this.directory.length + 1), bytes)
  }

  /** A file outside the layout, on the same filesystem; to be renamed or removed by who asked. */
  newFile(): string {
    return join(this.directory, 'making', `${process.pid}-${randomBytes(8).toString('hex')}`)
  }

  /** The file to fetch a blob into: what a process that died had of it, or a new one. */
  takePartial(digest: string): string {
    const making = join(this.directory, 'making')
    const stem = `part-${digest.slice(7)}-`
    const own = join(making, `${stem}${process.pid}`)
    const left = readdirSync(making).find((name) => name.startsWith(stem) && !isAlive(Number(name.slice(stem.length))))
    if (left && !existsSync(own)) renameSync(join(making, left), own)
    return own
  }

  /** A folder that builds keep from one to the next, by name. */
  cacheFolder(id: string): string {
    const folder = join(this.directory, 'build-caches', createHash('sha256').update(id).digest('hex').slice(0, 16))
    mkdirSync(folder, { recursive: true })
    return folder
  }

  /** An empty folder to make a layer in; hand it to `addLayer`. */
  newLayer(): string {
    const folder = this.newFile()
    mkdirSync(folder, { mode: 0o755 })
    return folder
  }

  /** Takes the folder over: packs it as a tar blob and keeps it as the unpacked layer. */
  async addLayer(folder: string, options: PackOptions = {}): Promise<Descriptor> {
    const tar = this.newFile()
    const { digest, size } = await packLayer(folder, tar, options)
    renameSync(tar, this.blobPath(digest))
    await this.#keepLayer(folder, digest)
    return { mediaType: mediaTypes.layer, digest, size }
  }

  /** Unpacks a layer that is not unpacked yet. A wrong digest of the plain archive, where one is expected, is an error. */
  async ensureUnpacked(layer: Descriptor, diffId?: string): Promise<void> {
    if (existsSync(this.layerPath(layer.digest))) return
    const running = this.#unpacking.get(layer.digest) ?? this.#unpack(layer.digest, diffId).finally(() => this.#unpacking.delete(layer.digest))
    this.#unpacking.set(layer.digest, running)
    await running
  }

  async #unpack(digest: string, diffId: string | undefined): Promise<void> {
    const folder = this.newLayer()
    try {
      const plain = await unpackLayer(this.blobPath(digest), folder)
      if (diffId !== undefined && plain !== diffId) throw new Error(`wrong diff id calculated on extraction ${plain}, expected ${diffId}`)
      await this.#keepLayer(folder, digest)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  async #keepLayer(folder: string, digest: string): Promise<void> {
    await rename(folder, this.layerPath(digest)).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
      await rm(folder, { recursive: true })
    })
  }

  /** A layer's folder is moved out of the way first, so that none is ever there in part. */
  async discard(digest: string): Promise<void> {
    const gone = this.newFile()
    await rename(this.layerPath(digest), gone).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    await rm(this.blobPath(digest), { force: true })
    await rm(gone, { recursive: true, force: true })
  }

  /** Removes what processes that have died left half made; gives how many things. Parts of blobs may be kept for the next pull. */
  async clearLeftovers(options: { keepsParts?: boolean } = {}): Promise<number> {
    const making = join(this.directory, 'making')
    const dead = readdirSync(making).filter((name) => {
      const pid = Number(/^(?:part-\w+-)?(\d+)/.exec(name)?.[1])
      return !(pid > 0 && isAlive(pid)) && !(options.keepsParts && name.startsWith('part-'))
    })
    for (const name of dead) await rm(join(making, name), { recursive: true, force: true })
    return dead.length
  }

  #locked<T>(act: () => T): Promise<T> {
    const file = join(this.directory, 'lock')
    return withFileLock(file, { patienceMs: 30_000, busy: () => new Error(`another process holds the image store (its pid is in ${file})`) }, act)
  }

  #replace(name: string, content: string | Buffer): void {
    const making = this.newFile()
    writeFileSync(making, content, { mode: 0o644, flush: true } as Parameters<typeof writeFileSync>[2])
    renameSync(making, join(this.directory, name))
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
