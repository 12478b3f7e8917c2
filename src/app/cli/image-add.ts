import { dirname, join } from 'node:path'
import { silentLog } from '../../base/lib/log.ts'
import { createImageStore, type LocalImageStore } from '../../node/images/local-image-store.ts'
import { buildPostgresImage, postgresImage } from '../postgres/postgres-image.ts'
import { homeOf, print, UsageError, type CommandLine } from './context.ts'
import { asUserError, megabytes } from './image.ts'

/** Where the package keeps its sample services. */
export const examplesOf = (cli: CommandLine) => join(dirname(cli.mainFile), '..', 'examples')

export async function addImage(cli: CommandLine, what: string): Promise<void> {
  if (what !== 'postgres') throw new UsageError(`there is no ${what} to add, only postgres`)
  const store = await createImageStore({ directory: join(homeOf(cli), 'images'), log: silentLog, nodeExecutable: process.execPath })
  const { image, from } = await addPostgres(cli, store).catch(asUserError)
  print(cli, `${postgresImage} is built of ${from}: ${image.id.slice(0, 19)}, ${megabytes(image.sizeBytes)}`)
  print(cli, `to use it for a public name: knarr image map postgres:18 ${postgresImage}`)
}

export const addPostgres = (cli: CommandLine, store: LocalImageStore) =>
  buildPostgresImage(store, join(examplesOf(cli), 'postgres'), {
    mainFile: cli.mainFile,
    directory: join(homeOf(cli), 'postgres'),
    registry: cli.environment['npm_config_registry'] ?? 'https://registry.npmjs.org',
    onFetch: (url) => cli.stderr.write(`fetching PostgreSQL, once, from ${url}\n`),
  })
