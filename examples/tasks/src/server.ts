import { readConfig } from './config.ts'
import { createLog } from './log.ts'
import { startService } from './service.ts'

try {
  const config = readConfig(process.env)
  const log = createLog({ level: config.logLevel })
  const service = await startService({ config, log })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void service.stop().then(() => process.exit(0)))
} catch (error) {
  createLog({ level: 'error' })('error', 'cannot start', { error: (error as Error).message })
  process.exit(1)
}
