import { existsSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Log } from '../../base/lib/log.ts'
import { closeLayer, copyIntoLayer, openLayer, viewWithLayer } from './copy.ts'
import { DockerfileError, parseDockerfile, type Step } from './dockerfile.ts'
import { type HostBase, hostImageConfig, type HostImageKind, hostImageNames, prepareHostBase } from './host-image.ts'
import type { Image, ImageConfig, ImageStore } from './image-store.ts'
import { type Descriptor, type Manifest, mediaTypes, OciLayout, refName } from './oci-layout.ts'
import { parseIgnore } from './patterns.ts'
import { normaliseReference, parseReference } from './reference.ts'
import type { RootView } from './root-view.ts'

export interface ImageStoreOptions {
  readonly directory: string
  readonly log: Log
  /** The running Node, which host images show: `process.execPath`. */
  readonly nodeExecutable: string
}

/** Opens (or makes) the store in `directory`; several processes may have it open, each sees what the others add. */
export async function createImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  if (!isAbsolute(options.directory) || /[,\n]/.test(options.directory))
    throw new Error(`the image folder ${options.directory} must be absolute and hold no comma`)
  const layout = new OciLayout(options.directory)
  const hostBase = prepareHostBase({ directory: join(options.directory, 'host'), nodeExecutable: options.nodeExecutable })
  const store = new LocalImageStore(layout, hostBase)
  options.log.debug({ directory: options.directory, hostBinds: hostBase.binds }, 'opened the image store')
  for (const [name, kind] of Object.entries(hostImageNames)) store.addHostImage(name, kind, hostImageConfig(kind, options.nodeExecutable))
  return store
}

/** Marks an image that stands on this machine's own files. */
const hostBaseAnnotation = 'local.knarr.host-base'
const mappingsFile = 'mappings.json'

interface OciConfig {
  readonly architecture: string
  readonly os: string
  readonly config: {
    readonly Entrypoint?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly Env?: readonly string[]
    readonly WorkingDir?: string
    readonly User?: string
    readonly ExposedPorts?: Readonly<Record<string, object>>
    readonly Labels?: Readonly<Record<string, string>>
    readonly StopSignal?: string
  }
  /** Here as well, so that two images with different bases never share an id. */
  readonly [hostBaseAnnotation]?: string
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] }
}

class LocalImageStore implements ImageStore {
  readonly #layout: OciLayout
  readonly #hostBase: HostBase

  constructor(layout: OciLayout, hostBase: HostBase) {
    this.#layout = layout
    this.#hostBase = hostBase
  }

  addHostImage(name: string, kind: HostImageKind, config: ImageConfig): void {
    this.#save({ tag: name, config, layers: [], hostBase: kind })
  }

  async resolve(reference: string): Promise<{ image: Image; mappedFrom?: string } | undefined> {
    const byId = await this.#byId(reference)
    if (byId) return { image: byId }
    const name = normaliseReference(reference)
    const mapped = this.#mappings()[name]
    const found = this.#layout.index().find((descriptor) => matches(descriptor, mapped ?? name))
    if (!found) return undefined
    const image = await this.#load(found.digest)
    return mapped === undefined ? { image } : { image, mappedFrom: reference }
  }

  async list(): Promise<readonly Image[]> {
    const digests = [...new Set(this.#layout.index().map(({ digest }) => digest))]
    return Promise.all(digests.map((digest) => this.#load(digest)))
  }

  async build(options: { context: string; dockerfile?: string; tag: string; log?: (line: string) => void }): Promise<Image> {
    const tag = normaliseReference(options.tag)
    if (Object.hasOwn(hostImageNames, tag)) throw new Error(`${options.tag} is built into Knarr: choose another name`)
    const file = options.dockerfile ?? join(options.context, 'Dockerfile')
    if (!existsSync(file)) throw new Error(`no Dockerfile at ${file}`)
    const plan = parseDockerfile(readFileSync(file, 'utf8'))
    options.log?.(`FROM ${plan.from}`)
    const base = await this.#baseOf(plan.from)
    const isIgnored = readIgnore(options.context, file)
    let config = base.config
    const layers: Descriptor[] = [...base.layers]
    for (const step of plan.steps(config)) {
      if (step.text) options.log?.(step.text)
      if (step.kind === 'config') config = step.apply(config)
      else layers.push(await this.#copy(step, { context: options.context, isIgnored, layers, hostBase: base.hostBase }))
    }
    return this.#load(this.#save({ tag, config, layers, ...(base.hostBase ? { hostBase: base.hostBase } : {}) }))
  }

  async map(from: string, to: string): Promise<void> {
    const target = normaliseReference(to)
    if (!(await this.resolve(to))) throw new Error(`there is no image ${target} to map to`)
    this.#layout.writeJson(mappingsFile, { ...this.#mappings(), [normaliseReference(from)]: target })
  }

  async mappings(): Promise<Readonly<Record<string, string>>> {
    return this.#mappings()
  }

  /** Takes away a mapping of that name, or else the tag (by id: all tags), and what no other image needs. */
  async remove(reference: string): Promise<boolean> {
    const name = isId(reference) ? reference : normaliseReference(reference)
    const { [name]: mapped, ...mappings } = this.#mappings()
    if (mapped !== undefined) {
      this.#layout.writeJson(mappingsFile, mappings)
      return true
    }
    const id = (await this.#byId(reference))?.digest
    const index = this.#layout.index()
    const gone = index.filter((descriptor) => (id === undefined ? matches(descriptor, name) : descriptor.digest === id))
    if (gone.some((descriptor) => Object.hasOwn(hostImageNames, tagOf(descriptor)))) throw new Error(`${reference} is built into Knarr and cannot be removed`)
    if (gone.length === 0) return false
    const kept = index.filter((descriptor) => !gone.includes(descriptor))
    const needed = new Set(kept.flatMap(({ digest }) => this.#blobsOf(digest)))
    const unneeded = gone.flatMap(({ digest }) => this.#blobsOf(digest)).filter((digest) => !needed.has(digest))
    this.#layout.writeIndex(kept)
    for (const digest of unneeded) this.#layout.discard(digest)
    return true
  }

  async #copy(
    step: Extract<Step, { kind: 'copy' }>,
    options: {
      context: string
      isIgnored: (path: string) => boolean
      layers: readonly Descriptor[]
      hostBase: string | undefined
    },
  ): Promise<Descriptor> {
    const base = this.#folders(options.layers, options.hostBase)
    const hostFolders = base.hostBinds.filter((path) => statSync(path).isDirectory())
    const layer = this.#layout.newLayer()
    openLayer(layer, hostFolders)
    const view = viewWithLayer(layer, base)
    const owner = ownerOf(step.chown, view)
    try {
      copyIntoLayer({ ...step, ...options, view, layer, owner })
    } catch (error) {
      throw new DockerfileError(`line ${step.line}: ${(error as Error).message}`, { cause: error })
    }
    closeLayer(layer, hostFolders)
    return this.#layout.addLayer(layer, owner)
  }

  async #baseOf(reference: string): Promise<{ config: ImageConfig; layers: readonly Descriptor[]; hostBase?: string }> {
    if (reference === 'scratch') return { config: imageConfig({}), layers: [] }
    const found = await this.resolve(reference)
    if (!found)
      throw new Error(
        `there is no image ${reference} on this machine. Build it (knarr image build), or map the name (knarr image map ${reference} knarr.local/host-node)`,
      )
    const { layers, annotations } = this.#layout.readBlob<Manifest>(found.image.digest)
    const hostBase = annotations?.[hostBaseAnnotation]
    return { config: found.image.config, layers, ...(hostBase === undefined ? {} : { hostBase }) }
  }

  #save(image: { tag: string; config: ImageConfig; layers: readonly Descriptor[]; hostBase?: string }): string {
    const config = this.#layout.addBlob(mediaTypes.config, ociConfig(image))
    const annotations = image.hostBase === undefined ? {} : { annotations: { [hostBaseAnnotation]: image.hostBase } }
    const manifest: Manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: image.layers, ...annotations }
    const descriptor = this.#layout.addBlob(mediaTypes.manifest, manifest)
    const index = this.#layout.index()
    const existing = index.find((other) => tagOf(other) === image.tag)
    if (existing?.digest === descriptor.digest) return descriptor.digest
    this.#layout.writeIndex([...index.filter((other) => other !== existing), { ...descriptor, annotations: { [refName]: image.tag } }])
    return descriptor.digest
  }

  async #load(digest: string): Promise<Image> {
    const manifest = this.#layout.readBlob<Manifest>(digest)
    for (const layer of manifest.layers) await this.#layout.ensureUnpacked(layer)
    const { config } = this.#layout.readBlob<OciConfig>(manifest.config.digest)
    return {
      id: manifest.config.digest,
      digest,
      tags: this.#layout
        .index()
        .filter((descriptor) => descriptor.digest === digest)
        .map(tagOf),
      sizeBytes: manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size),
      config: imageConfig(config),
      ...this.#folders(manifest.layers, manifest.annotations?.[hostBaseAnnotation]),
    }
  }

  #folders(layers: readonly Descriptor[], hostBase: string | undefined): Pick<Image, 'lowerDirs' | 'hostBinds'> {
    const own = layers.map(({ digest }) => this.#layout.layerPath(digest)).reverse()
    return hostBase === undefined ? { lowerDirs: own, hostBinds: [] } : { lowerDirs: [...own, this.#hostBase.folder], hostBinds: this.#hostBase.binds }
  }

  async #byId(reference: string): Promise<Image | undefined> {
    if (!isId(reference)) return undefined
    const wanted = reference.replace(/^sha256:/, '')
    const found = this.#layout.index().find(({ digest }) =>
      this.#blobsOf(digest)
        .slice(0, 2)
        .some((own) => own.slice(7).startsWith(wanted)),
    )
    return found && this.#load(found.digest)
  }

  /** Manifest and config first, then the layers. */
  #blobsOf(digest: string): string[] {
    const { config, layers } = this.#layout.readBlob<Manifest>(digest)
    return [digest, config.digest, ...layers.map((layer) => layer.digest)]
  }

  #mappings(): Readonly<Record<string, string>> {
    return this.#layout.readJson<Record<string, string>>(mappingsFile, {})
  }
}

const tagOf = (descriptor: Descriptor) => descriptor.annotations?.[refName] ?? ''
const isId = (reference: string) => /^(sha256:[0-9a-f]{12,64}|[0-9a-f]{12,64})$/.test(reference)

/** A digest decides where one is given, as in `name:tag@sha256:…`. */
function matches(descriptor: Descriptor, reference: string): boolean {
  const { name, digest } = parseReference(reference)
  const tag = tagOf(descriptor)
  return digest === undefined ? tag === reference : descriptor.digest === digest && parseReference(tag).name === name
}

function readIgnore(context: string, dockerfile: string): (path: string) => boolean {
  const file = [`${dockerfile}.dockerignore`, join(context, '.dockerignore')].find((path) => existsSync(path))
  return file ? parseIgnore(readFileSync(file, 'utf8')) : () => false
}

function ownerOf(chown: string, view: RootView): { uid: number; gid: number } {
  if (chown === '') return { uid: 0, gid: 0 }
  const [user = '', group] = chown.split(':')
  const account = accountLine(view, '/etc/passwd', user)
  const uid = /^\d+$/.test(user) ? Number(user) : Number(account?.[2] ?? Number.NaN)
  const gid =
    group === undefined
      ? account
        ? Number(account[3])
        : uid
      : /^\d+$/.test(group)
        ? Number(group)
        : Number(accountLine(view, '/etc/group', group)?.[2] ?? Number.NaN)
  if (Number.isNaN(uid) || Number.isNaN(gid)) throw new Error(`--chown=${chown}: no such user or group in the image`)
  return { uid, gid }
}

function accountLine(view: RootView, file: string, name: string): string[] | undefined {
  const found = view.find(file)
  return found?.stats.isFile()
    ? readFileSync(found.hostPath, 'utf8')
        .split('\n')
        .map((line) => line.split(':'))
        .find((fields) => fields[0] === name)
    : undefined
}

function imageConfig(config: OciConfig['config']): ImageConfig {
  return {
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    env: config.Env ?? [],
    workingDir: config.WorkingDir ?? '',
    user: config.User ?? '',
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    labels: config.Labels ?? {},
    stopSignal: config.StopSignal ?? 'SIGTERM',
  }
}

const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', ia32: '386' }

function ociConfig({ config, layers, hostBase }: { config: ImageConfig; layers: readonly Descriptor[]; hostBase?: string }): OciConfig {
  return {
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    ...(hostBase === undefined ? {} : { [hostBaseAnnotation]: hostBase }),
    config: {
      Entrypoint: config.entrypoint,
      Cmd: config.cmd,
      Env: config.env,
      WorkingDir: config.workingDir,
      User: config.user,
      ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [port, {}])),
      Labels: config.labels,
      StopSignal: config.stopSignal,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  }
}
