import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { silentLog } from '../../base/lib/log.ts'
import { loadArchive } from '../../node/images/archive/load.ts'
import { saveArchive } from '../../node/images/archive/save.ts'
import { diskUsage, pruneImages } from '../../node/images/image-garbage.ts'
import { isId } from '../../node/images/image-records.ts'
import { createImageStore, type LocalImageStore } from '../../node/images/local-image-store.ts'
import { pushImage } from '../../node/images/registry/push.ts'
import { proxySettings } from '../../node/images/registry/proxy-settings.ts'
import { runBuildCommand } from '../../node/runtime/process/build-command.ts'
import { UserError } from '../cluster/errors.ts'
import { containersByImage } from '../cluster/images-in-use.ts'
import { dockerCredentials } from './docker-credentials.ts'
import { showProgress } from './pull-progress.ts'
import { homeOf, print, table, UsageError, type CommandLine } from './context.ts'

const open = (cli: CommandLine) =>
  createImageStore({
    directory: join(homeOf(cli), 'images'),
    log: silentLog,
    nodeExecutable: process.execPath,
    registriesFile: join(homeOf(cli), 'registries.yaml'),
    proxy: proxySettings(cli.environment),
  })

export async function pull(cli: CommandLine, name: string): Promise<void> {
  const startedMs = performance.now()
  const images = await open(cli)
  const progress = showProgress(cli)
  const image = await images
    .pull(name, { ...dockerCredentials(cli, name), onProgress: progress.update })
    .finally(progress.end)
    .catch(asUserError)
  print(cli, `${name} is ${image.repoDigests[0] ?? image.id}: ${megabytes(image.sizeBytes)} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
}

export interface BuildFlags {
  readonly tag: string
  readonly file?: string
  readonly buildArg?: readonly string[]
  readonly target?: string
  readonly cache: boolean
  readonly platform?: string
}

export async function build(cli: CommandLine, context: string, options: BuildFlags): Promise<void> {
  const folder = resolve(context)
  const dockerfile = resolve(options.file ?? join(folder, 'Dockerfile'))
  if (!existsSync(dockerfile)) throw new UserError(`there is no ${dockerfile}`)
  const images = await open(cli)
  const image = await images
    .build({
      context: folder,
      dockerfile,
      tag: options.tag,
      log: (line) => print(cli, line),
      buildArgs: new Map((options.buildArg ?? []).map((text) => buildArgument(cli, text))),
      useCache: options.cache,
      ...(options.target === undefined ? {} : { target: options.target }),
      ...(options.platform === undefined ? {} : { platform: options.platform }),
      ...(process.platform === 'linux' && process.getuid?.() === 0 ? { runCommand: runBuildCommand } : {}),
      ...dockerCredentials(cli, options.tag),
    })
    .catch(asUserError)
  print(cli, `${options.tag} is built: ${image.id.slice(0, 19)}, ${megabytes(image.sizeBytes)}`)
}

function buildArgument({ environment }: CommandLine, text: string): readonly [string, string] {
  const at = text.indexOf('=')
  return at === -1 ? [text, environment[text] ?? ''] : [text.slice(0, at), text.slice(at + 1)]
}

export async function map(cli: CommandLine, name: string | undefined, to: string | undefined): Promise<void> {
  const images = await open(cli)
  if (name === undefined) {
    const rows = Object.entries(await images.mappings())
    if (rows.length === 0) print(cli, 'no name is mapped; for example: knarr image map node:22-slim knarr.local/host-node')
    else for (const line of table([['NAME', 'IMAGE'], ...rows])) print(cli, line)
    return
  }
  if (to === undefined)
    throw new UsageError('image map takes a name and the local image that stands in for it: knarr image map node:22-slim knarr.local/host-node')
  await images.map(name, to).catch(asUserError)
  print(cli, `${name} is now ${to} on this machine`)
}

export async function list(cli: CommandLine): Promise<void> {
  const images = await open(cli)
  const rows = (await images.list()).flatMap((image) =>
    (image.tags.length > 0 ? image.tags : ['<none>']).map((tag) => [tag, image.id.slice(7, 19), megabytes(image.sizeBytes)]),
  )
  for (const line of table([['IMAGE', 'ID', 'SIZE'], ...rows])) print(cli, line)
  print(cli, `${megabytes(diskUsage(images))} on disk, layers packed and unpacked`)
}

export async function remove(cli: CommandLine, names: readonly string[]): Promise<void> {
  const images = await open(cli)
  for (const name of names) {
    await refuseInUse(cli, images, name)
    if (!(await images.remove(name).catch(asUserError))) throw new UserError(`there is no image or mapping ${name} (knarr image ls)`)
    print(cli, `${name} is removed`)
  }
}

/** Taking the last name of an image takes the image: not while a container runs from its layers. */
async function refuseInUse(cli: CommandLine, images: LocalImageStore, name: string): Promise<void> {
  const found = await images.resolve(name).catch(asUserError)
  if (!found || found.mappedFrom !== undefined || (found.image.tags.length > 1 && !isId(name))) return
  const users = containersByImage(homeOf(cli)).get(found.image.id)
  if (users)
    throw new UserError(
      `${name} is in use by ${users.length === 1 ? `container ${users[0]}` : `${users.length} containers, such as ${users[0]}`}: delete its Pods first`,
    )
}

export async function prune(cli: CommandLine, options: { all?: boolean }): Promise<void> {
  const inUse = new Set(containersByImage(homeOf(cli)).keys())
  const { images, bytes } = await pruneImages(await open(cli), { inUse, all: options.all ?? false, nowMs: Date.now() })
  print(cli, `${images} image${images === 1 ? '' : 's'} removed, ${megabytes(bytes)} freed`)
}

export async function tag(cli: CommandLine, from: string, to: string): Promise<void> {
  await (await open(cli)).tag(from, to).catch(asUserError)
  print(cli, `${from} is also ${to}`)
}

export async function load(cli: CommandLine, file: string, options: { tag?: string }): Promise<void> {
  if (!existsSync(file)) throw new UserError(`there is no ${file}`)
  const images = await loadArchive(await open(cli), resolve(file), options).catch(asUserError)
  for (const image of images) print(cli, `loaded ${image.tags.join(', ')}: ${image.id.slice(0, 19)}, ${megabytes(image.sizeBytes)}`)
}

export async function save(cli: CommandLine, names: readonly string[], options: { output: string }): Promise<void> {
  const images = await open(cli)
  await saveArchive(images, names, resolve(options.output)).catch(asUserError)
  print(cli, `${names.join(', ')} saved to ${options.output}: ${megabytes(statSync(options.output).size)}`)
}

export async function push(cli: CommandLine, name: string): Promise<void> {
  const { signal } = new AbortController()
  const digest = await pushImage(await open(cli), name, { ...dockerCredentials(cli, name), signal, log: (line) => print(cli, line) }).catch(asUserError)
  print(cli, `${name} is pushed: ${digest}`)
}

export const megabytes = (bytes: number) => (bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`)

export function asUserError(error: unknown): never {
  throw new UserError(error instanceof Error ? error.message : String(error), { cause: error })
}
