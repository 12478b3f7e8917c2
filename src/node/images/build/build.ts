import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { hostBaseAnnotation, imageConfig } from '../image-config.ts'
import type { Image, ImageConfig } from '../image-store.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import type { Descriptor } from '../oci-layout.ts'
import { ownerOf } from './accounts.ts'
import { closeLayer, copyIntoLayer, openLayer, viewWithLayer } from './copy.ts'
import { DockerfileError, parseDockerfile, type Step } from './dockerfile.ts'
import { parseIgnore } from '../patterns.ts'

export interface BuildOptions {
  readonly context: string
  readonly dockerfile?: string
  readonly tag: string
  /** Gets a line a step. */
  readonly log?: (line: string) => void
}

export async function buildImage(store: LocalImageStore, options: BuildOptions): Promise<Image> {
  const file = options.dockerfile ?? join(options.context, 'Dockerfile')
  if (!existsSync(file)) throw new Error(`no Dockerfile at ${file}`)
  const plan = parseDockerfile(readFileSync(file, 'utf8'))
  options.log?.(`FROM ${plan.from}`)
  const base = await baseOf(store, plan.from)
  const isIgnored = readIgnore(options.context, file)
  let config = base.config
  const layers: Descriptor[] = [...base.layers]
  const diffIds = [...base.diffIds]
  for (const step of plan.steps(config)) {
    if (step.text) options.log?.(step.text)
    if (step.kind === 'config') config = step.apply(config)
    else {
      const layer = await copy(store, step, { context: options.context, isIgnored, layers, hostBase: base.hostBase })
      layers.push(layer)
      diffIds.push(layer.digest)
    }
  }
  const { digest } = await store.save({ tag: options.tag, config, layers, diffIds, hostBase: base.hostBase })
  return store.records.image(digest)
}

async function copy(
  store: LocalImageStore,
  step: Extract<Step, { kind: 'copy' }>,
  options: { context: string; isIgnored: (path: string) => boolean; layers: readonly Descriptor[]; hostBase: string | undefined },
): Promise<Descriptor> {
  const base = store.records.folders(options.layers, options.hostBase)
  const hostFolders = base.hostBinds.filter((path) => statSync(path).isDirectory())
  const layer = store.layout.newLayer()
  openLayer(layer, hostFolders)
  const view = viewWithLayer(layer, base)
  const owner = ownerOf(step.chown, view)
  try {
    copyIntoLayer({ ...step, ...options, view, layer, owner })
  } catch (error) {
    throw new DockerfileError(`line ${step.line}: ${(error as Error).message}`, { cause: error })
  }
  closeLayer(layer, hostFolders)
  return store.layout.addLayer(layer, { owner, isReproducible: true })
}

interface Base {
  readonly config: ImageConfig
  readonly layers: readonly Descriptor[]
  readonly diffIds: readonly string[]
  readonly hostBase?: string
}

async function baseOf(store: LocalImageStore, reference: string): Promise<Base> {
  if (reference === 'scratch') return { config: imageConfig({}), layers: [], diffIds: [] }
  const found = await store.resolve(reference)
  if (!found)
    throw new Error(
      `there is no image ${reference} on this machine. Build it (knarr image build), or map the name (knarr image map ${reference} knarr.local/host-node)`,
    )
  const { manifest } = store.records.manifest(found.image.digest)
  const hostBase = manifest.annotations?.[hostBaseAnnotation]
  const { diff_ids: diffIds } = store.records.config(manifest).rootfs
  return { config: found.image.config, layers: manifest.layers, diffIds, ...(hostBase === undefined ? {} : { hostBase }) }
}

function readIgnore(context: string, dockerfile: string): (path: string) => boolean {
  const file = [`${dockerfile}.dockerignore`, join(context, '.dockerignore')].find((path) => existsSync(path))
  return file ? parseIgnore(readFileSync(file, 'utf8')) : () => false
}
