import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Image, ImageConfig } from '../image-store.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import type { Descriptor } from '../oci-layout.ts'
import { ownerOf } from './accounts.ts'
import { fetchUrl, isArchive, isUrl, unpackArchive } from './added-files.ts'
import { closeLayer, copyIntoLayer, openLayer, viewWithLayer } from './copy.ts'
import { exportFiles } from './image-files.ts'
import type { RunCommand } from './run-command.ts'
import type { CopyStep, RunStep, Step } from './steps.ts'

/** What a stage starts from, and what it has become. */
export interface StageState {
  readonly config: ImageConfig
  readonly layers: readonly Descriptor[]
  readonly diffIds: readonly string[]
  readonly hostBase: string | undefined
}

export interface StageSurroundings {
  readonly store: LocalImageStore
  readonly context: string
  readonly isIgnored: (path: string) => boolean
  readonly log: (line: string) => void
  readonly useCache: boolean
  readonly runCommand: RunCommand | undefined
  /** The files of another stage, or of an image. */
  readonly filesOf: (from: string) => Promise<Pick<Image, 'lowerDirs' | 'hostBinds'>>
}

const cacheFile = 'build-cache.json'
/** Distributions guard their own Python against pip (PEP 668); a build writes to its layer only. */
const hostBuildEnv = [['PIP_BREAK_SYSTEM_PACKAGES', '1']] as const

/** Takes a stage one step on. */
export async function takeStep(state: StageState, step: Step, around: StageSurroundings): Promise<StageState> {
  if (step.kind === 'config') return { ...state, config: step.apply(state.config) }
  const layer = step.kind === 'copy' ? await copy(state, step, around) : await run(state, step, around)
  return { ...state, layers: [...state.layers, layer], diffIds: [...state.diffIds, layer.digest] }
}

async function copy(state: StageState, step: CopyStep, around: StageSurroundings): Promise<Descriptor> {
  const { layout, records } = around.store
  const base = records.folders(state.layers, state.hostBase)
  const hostFolders = base.hostBinds.filter((path) => statSync(path).isDirectory())
  const layer = layout.newLayer()
  const work = layout.newLayer()
  try {
    openLayer(layer, hostFolders)
    const view = viewWithLayer(layer, base)
    const given = step.chown === '' ? undefined : ownerOf(step.chown, view)
    const mode = step.chmod === '' ? undefined : Number.parseInt(step.chmod, 8)
    for (const part of await partsOf(step, around, work))
      copyIntoLayer({ ...part, destination: step.destination, view, layer, mode, owner: given ?? (part.keepsOwners ? undefined : { uid: 0, gid: 0 }) })
    closeLayer(layer, hostFolders)
    const keepsOwners = given === undefined && (step.from !== '' || step.isAdd)
    return await layout.addLayer(layer, { isReproducible: true, ...(keepsOwners ? {} : { owner: given ?? { uid: 0, gid: 0 } }) })
  } finally {
    for (const path of [layer, work, `${work}.mount`, `${work}.empty`]) rmSync(path, { recursive: true, force: true })
  }
}

interface Part {
  readonly context: string
  readonly sources: readonly string[]
  readonly isIgnored: (path: string) => boolean
  readonly keepsOwners: boolean
}

/** Where the sources of a step lie: in the context, in another stage, at an address, in an archive. */
async function partsOf(step: CopyStep, { context, isIgnored, filesOf, store }: StageSurroundings, work: string): Promise<Part[]> {
  const keepAll = () => false
  if (step.from !== '') {
    await exportFiles(await filesOf(step.from), step.sources, work)
    return [{ context: work, sources: step.sources, isIgnored: keepAll, keepsOwners: true }]
  }
  if (!step.isAdd) return [{ context, sources: step.sources, isIgnored, keepsOwners: false }]
  const parts: Part[] = []
  for (const [index, source] of step.sources.entries()) {
    const folder = join(work, String(index))
    const file = join(context, source)
    if (isUrl(source)) {
      mkdirSync(folder)
      parts.push({ context: folder, sources: [await fetchUrl(source, folder, store.access)], isIgnored: keepAll, keepsOwners: false })
    } else if (!isIgnored(source) && statSync(file, { throwIfNoEntry: false }) && !source.startsWith('..') && isArchive(file)) {
      mkdirSync(folder)
      unpackArchive(file, folder)
      parts.push({ context: folder, sources: ['.'], isIgnored: keepAll, keepsOwners: true })
    } else parts.push({ context, sources: [source], isIgnored, keepsOwners: false })
  }
  return parts
}

async function run(state: StageState, step: RunStep, around: StageSurroundings): Promise<Descriptor> {
  const { store, log, useCache } = around
  const { layout, records } = store
  const asked = [state.hostBase ?? '', state.diffIds, step.argv, step.env, step.workingDir, step.user, step.caches]
  const key = createHash('sha256').update(JSON.stringify(asked)).digest('hex')
  const known = layout.readJson<Record<string, Descriptor>>(cacheFile, {})[key]
  if (useCache && known && layout.hasBlob(known.digest)) {
    await layout.ensureUnpacked(known)
    log('  cached')
    return known
  }
  if (!around.runCommand) throw new Error('RUN needs root on Linux, as it runs in a container')
  const folder = layout.newLayer()
  try {
    const image = records.folders(state.layers, state.hostBase)
    const user = ownerOf(step.user, viewWithLayer(`${folder}-none`, image))
    const mounts = step.caches.map(({ id, target }) => ({ hostPath: layout.cacheFolder(id), containerPath: target, readOnly: false }))
    const env = state.hostBase === undefined ? step.env : [...hostBuildEnv, ...step.env]
    const changed = await around.runCommand({ ...step, env, image, folder, user, mounts, log: (line) => log(`  | ${line}`) })
    const layer = await layout.addLayer(changed)
    await layout.updateJson<Record<string, Descriptor>>(cacheFile, {}, (cache) => ({ ...cache, [key]: layer }))
    return layer
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
