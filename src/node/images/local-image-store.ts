import { isAbsolute, join } from 'node:path'
import { type Clock, systemClock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { BuildOptions } from './build/build.ts'
import { hostImageConfig, hostImageNames, prepareHostBase } from './host-image.ts'
import { hostBaseAnnotation, ociConfig } from './image-config.ts'
import { ImageRecords, isId, matches, nameIn, pulledAnnotation } from './image-records.ts'
import type { Image, ImageConfig, ImageStore, PullOptions, ResolvedImage } from './image-store.ts'
import { type Descriptor, type Manifest, mediaTypes, OciLayout, refName } from './oci-layout.ts'
import { normaliseReference, parseReference } from './reference.ts'
import { ImagePuller, type RegistryAccess } from './registry/image-puller.ts'
import { JoinedTasks } from './registry/joined-tasks.ts'
import { noRegistries, readRegistries } from './registry/registries.ts'
import { isUnreachable, PullError } from './registry/registry-error.ts'
import type { ProxySettings } from './registry/proxy-settings.ts'
import { type Dial, dialDirectly } from './registry/transport.ts'

export interface ImageStoreOptions {
  readonly directory: string
  readonly log: Log
  /** The running Node, which host images show: `process.execPath`. */
  readonly nodeExecutable: string
  /** Mirrors and registries with settings of their own; none where absent. */
  readonly registriesFile?: string
  readonly dial?: Dial
  readonly proxy?: ProxySettings
  readonly clock?: Clock
}

/** Opens (or makes) the store in `directory`; several processes may have it open, each sees what the others add. */
export async function createImageStore(options: ImageStoreOptions): Promise<LocalImageStore> {
  if (!isAbsolute(options.directory) || /[,\n]/.test(options.directory))
    throw new Error(`the image folder ${options.directory} must be absolute and hold no comma`)
  const layout = new OciLayout(options.directory)
  const hostBase = prepareHostBase({ directory: join(options.directory, 'host'), nodeExecutable: options.nodeExecutable })
  const { registriesFile } = options
  const store = new LocalImageStore(layout, new ImageRecords(layout, hostBase), {
    registries: async () => (registriesFile === undefined ? noRegistries : readRegistries(registriesFile)),
    dial: options.dial ?? dialDirectly,
    proxy: options.proxy ?? { except: [] },
    clock: options.clock ?? systemClock,
  })
  options.log.debug({ directory: options.directory, hostBinds: hostBase.binds }, 'opened the image store')
  for (const [name, kind] of Object.entries(hostImageNames))
    await store.save({ tag: name, config: hostImageConfig(kind, options.nodeExecutable), layers: [], hostBase: kind })
  return store
}

const mappingsFile = 'mappings.json'
type Mappings = Readonly<Record<string, string>>

/** The images of this machine: one folder for all clusters. */
export class LocalImageStore implements ImageStore {
  readonly layout: OciLayout
  readonly records: ImageRecords
  readonly access: RegistryAccess
  readonly #puller: ImagePuller
  readonly #pulls = new JoinedTasks<Image>()

  constructor(layout: OciLayout, records: ImageRecords, access: RegistryAccess) {
    this.layout = layout
    this.records = records
    this.access = access
    this.#puller = new ImagePuller(layout, access)
  }

  async resolve(reference: string): Promise<ResolvedImage | undefined> {
    const found = this.find(reference)
    if (!found) return undefined
    const { descriptor, mappedFrom } = found
    await this.records.unpack(descriptor.digest)
    const isLocal = mappedFrom !== undefined || descriptor.annotations?.[pulledAnnotation] === undefined
    return { image: this.records.image(descriptor.digest), isLocal, ...(mappedFrom === undefined ? {} : { mappedFrom }) }
  }

  /** The entry of the index that a name, a digest or an id means. */
  find(reference: string): { readonly descriptor: Descriptor; readonly mappedFrom?: string } | undefined {
    const byId = this.records.byId(reference)
    if (byId) return { descriptor: byId }
    const name = normaliseReference(reference)
    const mapped = this.#mappings()[name]
    const descriptor = this.layout.index().find((each) => matches(each, mapped ?? name))
    return descriptor && { descriptor, ...(mapped === undefined ? {} : { mappedFrom: reference }) }
  }

  async list(): Promise<readonly Image[]> {
    const digests = new Set(this.layout.index().map(({ digest }) => digest))
    return [...digests].filter((digest) => this.records.runsHere(digest)).map((digest) => this.records.image(digest))
  }

  /** Pulls of one image as the same users are one; it goes on while anybody waits for it. */
  async pull(reference: string, options: PullOptions = {}): Promise<Image> {
    const parsed = parsedForPull(reference)
    const name = normaliseReference(reference)
    if (Object.hasOwn(hostImageNames, name)) return (await this.resolve(name))!.image
    return this.#pulls.run(`${name} ${JSON.stringify(options.keyring ?? [])}`, options.signal, async (signal) => {
      for (let attempt = 1; ; attempt++) {
        const top = await this.#puller.fetch({ ...options, reference: parsed, signal }).catch((error: unknown) => this.#explain(name, error))
        // Another process may have removed a layer that was here when the pull began: then it is fetched after all.
        const isWhole = await this.name(name, top, { isPulled: true })
        if (isWhole) return this.records.image(top.digest)
        if (attempt === 3) throw new PullError(`${name} was removed while it was pulled`)
      }
    })
  }

  async build(options: BuildOptions): Promise<Image> {
    const tag = normaliseReference(options.tag)
    if (Object.hasOwn(hostImageNames, tag)) throw new Error(`${options.tag} is built into Knarr: choose another name`)
    const { buildImage } = await import('./build/build.ts')
    return buildImage(this, { ...options, tag })
  }

  async map(from: string, to: string): Promise<void> {
    const target = normaliseReference(to)
    if (!this.find(to)) throw new Error(`there is no image ${target} to map to`)
    await this.layout.updateJson<Mappings>(mappingsFile, {}, (mappings) => ({ ...mappings, [normaliseReference(from)]: target }))
  }

  async mappings(): Promise<Mappings> {
    return this.#mappings()
  }

  async tag(reference: string, name: string): Promise<void> {
    const found = this.find(reference)
    if (!found) throw new Error(`there is no image ${reference}`)
    const full = normaliseReference(name)
    if (Object.hasOwn(hostImageNames, full)) throw new Error(`${name} is built into Knarr: choose another name`)
    await this.name(full, found.descriptor)
  }

  /** Takes away a mapping of that name, or else the tag (by id: all tags), and what no other image needs. */
  async remove(reference: string): Promise<boolean> {
    const name = isId(reference) ? reference : normaliseReference(reference)
    if (this.#mappings()[name] !== undefined) {
      await this.layout.updateJson<Mappings>(mappingsFile, {}, ({ [name]: _, ...rest }) => rest)
      return true
    }
    const id = this.records.byId(reference)?.digest
    const isMeant = (descriptor: Descriptor) => (id === undefined ? matches(descriptor, name) : descriptor.digest === id)
    const gone = this.layout.index().filter(isMeant)
    if (gone.some((descriptor) => Object.hasOwn(hostImageNames, nameIn(descriptor)))) throw new Error(`${reference} is built into Knarr and cannot be removed`)
    if (gone.length === 0) return false
    await this.forget(isMeant)
    return true
  }

  /** Takes entries out of the index, and what only they needed off the disk. */
  async forget(isMeant: (descriptor: Descriptor) => boolean): Promise<void> {
    const candidates = new Set<string>()
    await this.layout.updateIndex((index) => {
      const kept = index.filter((descriptor) => !isMeant(descriptor))
      const needed = new Set(kept.flatMap(({ digest }) => this.records.blobs(digest)))
      for (const { digest } of index.filter(isMeant)) for (const blob of this.records.blobs(digest)) if (!needed.has(blob)) candidates.add(blob)
      return kept
    })
    for (const digest of candidates) await this.layout.discard(digest)
  }

  /** Whether any image has this blob. */
  isNeeded(digest: string): boolean {
    return this.layout.index().some((descriptor) => this.records.blobs(descriptor.digest).includes(digest))
  }

  /** Writes an image made here down under its name. */
  async save(image: {
    tag: string
    config: ImageConfig
    layers: readonly Descriptor[]
    diffIds?: readonly string[]
    hostBase?: string | undefined
  }): Promise<Descriptor> {
    const { config, layers, hostBase, diffIds = layers.map(({ digest }) => digest) } = image
    const annotations = hostBase === undefined ? {} : { annotations: { [hostBaseAnnotation]: hostBase } }
    const written = this.layout.addBlob(mediaTypes.config, ociConfig({ config, diffIds, hostBase }))
    const manifest: Manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: written, layers, ...annotations }
    const descriptor = this.layout.addBlob(mediaTypes.manifest, manifest)
    await this.name(image.tag, descriptor)
    return descriptor
  }

  /**
   * Gives the image a name. One that had it before stays without a name, as containers may still run from it. False where a part
   * of the image is missing.
   */
  async name(name: string, { mediaType, digest, size }: Descriptor, options: { isPulled?: boolean } = {}): Promise<boolean> {
    let isWhole = true
    await this.layout.updateIndex((index) => {
      isWhole = this.layout.hasBlob(digest) && this.records.blobs(digest).every((blob) => this.layout.hasBlob(blob))
      const before = index.find((other) => nameIn(other) === name)
      const isSame = before?.digest === digest && (before.annotations?.[pulledAnnotation] !== undefined) === (options.isPulled ?? false)
      if (!isWhole || isSame) return index
      const pulled = options.isPulled ? { [pulledAnnotation]: new Date(this.access.clock.now()).toISOString() } : {}
      const kept = index.filter((other) => other !== before && !(nameIn(other) === '' && other.digest === digest))
      const isLost = before !== undefined && before.digest !== digest && !kept.some((other) => other.digest === before.digest)
      const nameless = isLost ? [{ mediaType: before.mediaType, digest: before.digest, size: before.size }] : []
      return [...kept, ...nameless, { mediaType, digest, size, annotations: { [refName]: name, ...pulled } }]
    })
    return isWhole
  }

  #explain(name: string, error: unknown): never {
    if (!(error instanceof PullError) || !isUnreachable(error.cause ?? {})) throw error
    const rest = this.find(name) ? 'though an image of that name is here from an earlier pull' : 'and no image of that name is here (knarr image ls)'
    throw new PullError(`no route to its registry, ${rest}`, { cause: error })
  }

  #mappings(): Mappings {
    return this.layout.readJson<Mappings>(mappingsFile, {})
  }
}

function parsedForPull(reference: string) {
  try {
    return parseReference(reference)
  } catch (cause) {
    throw new PullError((cause as Error).message, { reason: 'InvalidImageName', cause })
  }
}
