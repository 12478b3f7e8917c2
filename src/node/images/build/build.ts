import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostBaseAnnotation, imageConfig } from '../image-config.ts'
import type { Image } from '../image-store.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import { parseIgnore } from '../patterns.ts'
import type { Keyring } from '../registry/credentials.ts'
import { type Dockerfile, parseDockerfile, requireHostPlatform, type Stage } from './dockerfile.ts'
import { DockerfileError } from './instruction.ts'
import type { RunCommand } from './run-command.ts'
import { type StageState, type StageSurroundings, takeStep } from './stage-builder.ts'
import { planSteps } from './steps.ts'

export interface BuildOptions {
  readonly context: string
  readonly dockerfile?: string
  readonly tag: string
  /** Gets a line a step. */
  readonly log?: (line: string) => void
  readonly buildArgs?: ReadonlyMap<string, string>
  /** The stage to build, by name or number; the last one where absent. */
  readonly target?: string
  readonly useCache?: boolean
  readonly platform?: string
  /** How RUN is run; without it, RUN is refused. */
  readonly runCommand?: RunCommand
  /** For base images that are to be pulled. */
  readonly keyring?: Keyring
}

export async function buildImage(store: LocalImageStore, options: BuildOptions): Promise<Image> {
  const file = options.dockerfile ?? join(options.context, 'Dockerfile')
  if (!existsSync(file)) throw new Error(`no Dockerfile at ${file}`)
  if (options.platform !== undefined)
    requireHostPlatform(options.platform, (why) => {
      throw new Error(why)
    })
  const dockerfile = parseDockerfile(readFileSync(file, 'utf8'), options.buildArgs)
  const build = new Build(store, dockerfile, { ...options, isIgnored: readIgnore(options.context, file) })
  const state = await build.stage(build.targetStage(options.target))
  const { digest } = await store.save({ tag: options.tag, ...state })
  return store.records.image(digest)
}

/** The stages of one build, each built when something first needs it. */
class Build {
  readonly #store: LocalImageStore
  readonly #dockerfile: Dockerfile
  readonly #options: BuildOptions & { readonly isIgnored: (path: string) => boolean }
  readonly #done = new Map<number, StageState>()

  constructor(store: LocalImageStore, dockerfile: Dockerfile, options: BuildOptions & { isIgnored: (path: string) => boolean }) {
    this.#store = store
    this.#dockerfile = dockerfile
    this.#options = options
  }

  targetStage(target: string | undefined): Stage {
    const { stages } = this.#dockerfile
    const found = target === undefined ? stages.at(-1) : this.#find(target, stages.length)
    if (!found) throw new Error(`there is no stage ${target} in the Dockerfile`)
    return found
  }

  async stage(stage: Stage): Promise<StageState> {
    const known = this.#done.get(stage.index)
    if (known) return known
    const base = await this.#base(stage)
    const prefix = this.#dockerfile.stages.length > 1 ? `[${stage.name}] ` : ''
    const log = this.#options.log ?? (() => undefined)
    log(`${prefix}${stage.text}`)
    let state = base
    const around = this.#surroundings(stage)
    for (const step of planSteps(stage.instructions, base.config, this.#dockerfile)) {
      if (step.text) log(`${prefix}${step.text}`)
      try {
        state = await takeStep(state, step, around)
      } catch (error) {
        if (error instanceof DockerfileError) throw error
        throw new DockerfileError(`line ${step.line}: ${(error as Error).message}`, { cause: error })
      }
    }
    this.#done.set(stage.index, state)
    return state
  }

  #surroundings(stage: Stage): StageSurroundings {
    const { context, isIgnored, log = () => undefined, useCache = true, runCommand } = this.#options
    const filesOf = async (from: string) => {
      const other = this.#find(from, stage.index)
      const { layers, hostBase } = other ? await this.stage(other) : await this.#image(from)
      return this.#store.records.folders(layers, hostBase)
    }
    return { store: this.#store, context, isIgnored, log, useCache, runCommand, filesOf }
  }

  async #base(stage: Stage): Promise<StageState> {
    const earlier = this.#dockerfile.stages.slice(0, stage.index).findLast(({ name }) => name === stage.from.toLowerCase())
    if (earlier) return this.stage(earlier)
    if (stage.from === 'scratch') return { config: imageConfig({}), layers: [], diffIds: [], hostBase: undefined }
    try {
      return await this.#image(stage.from)
    } catch (error) {
      throw new DockerfileError(`line ${stage.line}: ${(error as Error).message}`, { cause: error })
    }
  }

  /** A stage before this one, by name or number. */
  #find(from: string, before: number): Stage | undefined {
    return this.#dockerfile.stages.slice(0, before).findLast(({ name, index }) => name === from.toLowerCase() || String(index) === from)
  }

  async #image(reference: string): Promise<StageState> {
    const found = (await this.#store.resolve(reference)) ?? (await this.#pulled(reference))
    const { manifest } = this.#store.records.manifest(found.image.digest)
    const { diff_ids: diffIds } = this.#store.records.config(manifest).rootfs
    return { config: found.image.config, layers: manifest.layers, diffIds, hostBase: manifest.annotations?.[hostBaseAnnotation] }
  }

  async #pulled(reference: string) {
    try {
      this.#options.log?.(`  pulling ${reference}`)
      const { keyring } = this.#options
      await this.#store.pull(reference, keyring ? { keyring } : {})
      return (await this.#store.resolve(reference))!
    } catch (error) {
      const why = (error as Error).message.replace(', and no image of that name is here (knarr image ls)', '')
      throw new Error(
        `there is no image ${reference} on this machine (${why}). Build it (knarr image build), or map the name (knarr image map ${reference} knarr.local/host-node)`,
        { cause: error },
      )
    }
  }
}

function readIgnore(context: string, dockerfile: string): (path: string) => boolean {
  const file = [`${dockerfile}.dockerignore`, join(context, '.dockerignore')].find((path) => existsSync(path))
  return file ? parseIgnore(readFileSync(file, 'utf8')) : () => false
}
