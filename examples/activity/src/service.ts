import { createApp } from '../../common/http.ts'
import type { Log } from '../../common/log.ts'
import { openDatabase } from '../../common/postgres.ts'
import { serve, type Service } from '../../common/service.ts'
import type { Config } from './config.ts'
import { createMemoryRepository } from './memory-repository.ts'
import { createPostgresRepository } from './postgres-repository.ts'
import { routesOf } from './routes.ts'

export const startService = ({ config, log }: { config: Config; log: Log }): Promise<Service> => {
  const repository = config.database ? createPostgresRepository(openDatabase(config.database, log)) : createMemoryRepository()
  return serve({
    config,
    log,
    createServer: (isReady) => createApp({ routes: routesOf({ config, repository, isReady }), log, hostname: config.hostname, isReady }),
    close: () => repository.close(),
  })
}
