import { hostBaseAnnotation, imageConfig, type OciConfig } from './image-config.ts'
import type { HostBase } from './host-image.ts'
import type { Image } from './image-store.ts'
import { type Descriptor, type ImageIndex, isIndexType, type Manifest, type OciLayout, refName } from './oci-layout.ts'
import { pickPlatform } from './platform.ts'
import { parseReference } from './reference.ts'

/** Names that a registry gave carry when; names of this machine do not. */
export const pulledAnnotation = 'local.knarr.pulled'

/** The name of an entry of the index; empty for an image that lost its name to another. */
export const nameIn = (descriptor: Descriptor) => descriptor.annotations?.[refName] ?? ''

/** An image id, or at least twelve digits of one. */
export const isId = (reference: string) => /^(sha256:[0-9a-f]{12,64}|[0-9a-f]{12,64})$/.test(reference)

/** A digest decides where one is given, as in `name:tag@sha256:…`. */
export function matches(descriptor: Descriptor, reference: string): boolean {
  const { name, digest } = parseReference(reference)
  const own = nameIn(descriptor)
  if (own === '') return false
  return digest === undefined ? own === reference : descriptor.digest === digest && parseReference(own).name === name
}

/** Reads images out of the layout. */
export class ImageRecords {
  readonly #layout: OciLayout
  readonly #hostBase: HostBase

  constructor(layout: OciLayout, hostBase: HostBase) {
    this.#layout = layout
    this.#hostBase = hostBase
  }

  /** The manifest that runs here, of an image or of an index. */
  manifest(digest: string): { readonly digest: string; readonly manifest: Manifest } {
    const top = this.#layout.describe(digest)
    const chosen = isIndexType(top.mediaType) ? pickPlatform(this.#layout.readBlob<ImageIndex>(digest)) : top
    if (!chosen) throw new Error(`${digest} has nothing for this machine`)
    return { digest: chosen.digest, manifest: this.#layout.readBlob<Manifest>(chosen.digest) }
  }

  /** False for an index that has nothing for this machine, as somebody may push one. */
  runsHere(digest: string): boolean {
    return !isIndexType(this.#layout.describe(digest).mediaType) || pickPlatform(this.#layout.readBlob<ImageIndex>(digest)) !== undefined
  }

  /** Manifests and config first, then the layers. */
  blobs(digest: string): string[] {
    if (!this.runsHere(digest)) return [digest]
    const { digest: own, manifest } = this.manifest(digest)
    return [...new Set([digest, own, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)])]
  }

  image(digest: string): Image {
    const { manifest } = this.manifest(digest)
    const names = this.#layout
      .index()
      .filter((descriptor) => descriptor.digest === digest && nameIn(descriptor) !== '')
      .map(nameIn)
    return {
      id: manifest.config.digest,
      digest,
      tags: names.filter((name) => !name.includes('@')),
      repoDigests: [...new Set(names.map((name) => `${parseReference(name).name}@${digest}`))],
      sizeBytes: manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size),
      config: imageConfig(this.config(manifest).config),
      ...this.folders(manifest.layers, manifest.annotations?.[hostBaseAnnotation]),
    }
  }

  config(manifest: Manifest): OciConfig {
    return this.#layout.readBlob<OciConfig>(manifest.config.digest)
  }

  /** The index entry whose image has this id, or whose manifest has this digest. */
  byId(reference: string): Descriptor | undefined {
    if (!isId(reference)) return undefined
    const wanted = reference.replace(/^sha256:/, '')
    return this.#layout.index().find(({ digest }) => {
      if (!this.runsHere(digest)) return digest.slice(7).startsWith(wanted)
      const { digest: own, manifest } = this.manifest(digest)
      return [digest, own, manifest.config.digest].some((each) => each.slice(7).startsWith(wanted))
    })
  }

  async unpack(digest: string): Promise<void> {
    const { manifest } = this.manifest(digest)
    const diffIds = this.config(manifest).rootfs.diff_ids
    for (const [index, layer] of manifest.layers.entries()) await this.#layout.ensureUnpacked(layer, diffIds[index])
  }

  folders(layers: readonly Descriptor[], hostBase: string | undefined): Pick<Image, 'lowerDirs' | 'hostBinds'> {
    const own = layers.map(({ digest }) => this.#layout.layerPath(digest)).reverse()
    return hostBase === undefined ? { lowerDirs: own, hostBinds: [] } : { lowerDirs: [...own, this.#hostBase.folder], hostBinds: this.#hostBase.binds }
  }
}
