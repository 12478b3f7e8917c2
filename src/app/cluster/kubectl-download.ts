import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { UserError } from './errors.ts'

export interface KubectlRequest {
  /** Where to keep it. */
  readonly directory: string
  readonly baseUrl: string
  /** `v1.36.0` */
  readonly version: string
  readonly platform: NodeJS.Platform
  readonly arch: string
  readonly onFetch: (url: string) => void
}

const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }
const remedy = 'Install kubectl, or name a mirror with KNARR_KUBECTL_BASE_URL'

/** The path of a kubectl of that version; fetched once, and kept only if it is what its `.sha256` says. */
export async function ensureKubectl(request: KubectlRequest): Promise<string> {
  const { directory, version } = request
  const system = request.platform === 'win32' ? 'windows' : request.platform
  const suffix = system === 'windows' ? '.exe' : ''
  const file = join(directory, `kubectl-${version}${suffix}`)
  if (existsSync(file)) return file
  const arch = goArchitectures[request.arch] ?? request.arch
  const url = `${request.baseUrl.replace(/\/+$/, '')}/release/${version}/bin/${system}/${arch}/kubectl${suffix}`
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  try {
    const wanted = (await (await get(`${url}.sha256`)).text().catch(cutOff(url))).trim().split(/\s+/)[0] ?? ''
    request.onFetch(url)
    const found = await save(await get(url), draft).catch(cutOff(url))
    if (found !== wanted) throw new UserError(`what ${url} gave is not what its .sha256 says; it was thrown away. Try again, or: ${remedy}`)
    renameSync(draft, file)
    return file
  } finally {
    rmSync(draft, { force: true })
  }
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url).catch((error: Error) => {
    throw new UserError(`no kubectl is on the PATH, and ${new URL(url).origin} cannot be reached (${reasonOf(error)}). ${remedy}`, { cause: error })
  })
  if (!response.ok) throw new UserError(`no kubectl is on the PATH, and ${url} answers ${response.status}. ${remedy}`)
  return response
}

/** Answers the SHA-256 of what was written. */
async function save(response: Response, file: string): Promise<string> {
  const hash = createHash('sha256')
  const measured = new Transform({ transform: (chunk: Buffer, _, done) => (hash.update(chunk), done(null, chunk)) })
  await pipeline(Readable.fromWeb(response.body as ReadableStream), measured, createWriteStream(file, { mode: 0o755 }))
  return hash.digest('hex')
}

const cutOff = (url: string) => (error: Error) => {
  throw new UserError(`${url} was cut off (${reasonOf(error)}). Try again, or: ${remedy}`, { cause: error })
}

const reasonOf = (error: Error): string => {
  const cause = error.cause as NodeJS.ErrnoException | undefined
  return cause?.code ?? cause?.message ?? error.message
}
