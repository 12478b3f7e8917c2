import { createLog } from '../../common/log.ts'
import { run } from '../../common/service.ts'
import { readConfig } from './config.ts'
import { startService } from './service.ts'

await run(() => {
  const config = readConfig(process.env)
  return startService({ config, log: createLog({ level: config.logLevel }) })
})
