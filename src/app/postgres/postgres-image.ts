import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Image } from '../../node/images/image-store.ts'
import type { LocalImageStore } from '../../node/images/local-image-store.ts'
import { findPrograms, type Link, type Programs, type ProgramsRequest } from './programs.ts'

export const postgresImage = 'knarr.local/postgres'

/** Builds PostgreSQL's image from `examples/postgres`, and says where its programs are from. */
export async function buildPostgresImage(store: LocalImageStore, example: string, request: ProgramsRequest): Promise<{ image: Image; from: string }> {
  const programs = await findPrograms(request)
  mkdirSync(request.directory, { recursive: true, mode: 0o700 })
  const context = mkdtempSync(join(request.directory, 'build-'))
  try {
    for (const name of ['Dockerfile', 'docker-entrypoint.sh', 'passwd', 'dist']) cpSync(join(example, name), join(context, name), { recursive: true })
    for (const name of ['pgsql', 'empty']) mkdirSync(join(context, name))
    if ('folder' in programs) copyPrograms(programs.folder, join(context, 'pgsql'), programs.links)
    return { image: await store.build({ context, tag: postgresImage }), from: origin(programs) }
  } finally {
    rmSync(context, { recursive: true, force: true })
  }
}

const origin = (programs: Programs) => ('machine' in programs ? `this machine's ${programs.machine}` : `PostgreSQL ${programs.version} of npm`)

/** Without what only compilers want. The links are there where npm was allowed to run the package's script, and stay relative. */
export function copyPrograms(from: string, to: string, links: readonly Link[]): void {
  const isForRunning = (path: string) => !path.endsWith('.a') && basename(path) !== 'pkgconfig'
  for (const folder of ['bin', 'lib', 'share']) cpSync(join(from, folder), join(to, folder), { recursive: true, filter: isForRunning, verbatimSymlinks: true })
  for (const { source, target } of links) if (!existsSync(join(to, target)) && existsSync(join(to, source))) symlinkSync(basename(source), join(to, target))
}
