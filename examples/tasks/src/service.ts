import { createApp } from '../../common/http.ts'
import type { Log } from '../../common/log.ts'
import { openDatabase } from '../../common/postgres.ts'
import { serve, type Service } from '../../common/service.ts'
import type { Config } from './config.ts'
import { createMemoryRepository } from './memory-repository.ts'
import { createPostgresRepository } from './postgres-repository.ts'
import { relayEvents } from './relay.ts'
import { routesOf } from './routes.ts'

export const startService = async ({ config, log }: { config: Config; log: Log }): Promise<Service> => {
  const repository = config.database ? createPostgresRepository(openDatabase(config.database, log)) : createMemoryRepository()
  const stop = new AbortController()
  let relaying: Promise<void> | undefined
  const service = await serve({
    config,
    log,
    createServer: (isReady) => createApp({ routes: routesOf({ config, repository, isReady }), log, hostname: config.hostname, isReady }),
    async close() {
      stop.abort()
      await relaying
      await repository.close()
    },
  })
  if (config.activityUrl) relaying = relayEvents({ repository, url: config.activityUrl, log, signal: stop.signal })
  return service
}
