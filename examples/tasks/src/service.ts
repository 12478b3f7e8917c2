import { createApp } from '../../common/http.ts'
import type { Log } from '../../common/log.ts'
import { serve, type Service } from '../../common/service.ts'
import type { Config } from './config.ts'
import { routesOf } from './routes.ts'
import { createMemoryStore } from './tasks.ts'

export const startService = ({ config, log }: { config: Config; log: Log }): Promise<Service> => {
  const store = createMemoryStore()
  return serve({
    config,
    log,
    createServer: (isReady) => createApp({ routes: routesOf({ config, store, isReady }), log, hostname: config.hostname, isReady }),
  })
}
