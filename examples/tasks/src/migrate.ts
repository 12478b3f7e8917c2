// A one-off admin process (factor XII): the same image and settings as the service, run by a Job.
import { createLog } from '../../common/log.ts'
import { migrate, openDatabase } from '../../common/postgres.ts'
import { readConfig } from './config.ts'
import { migrations } from './migrations.ts'

const log = createLog({ level: 'info' })
try {
  const { database: config } = readConfig(process.env)
  if (!config) throw new Error('PGHOST is not set: there is nothing to migrate')
  const database = openDatabase(config, log)
  await migrate(database, migrations, { log })
  await database.close()
} catch (error) {
  log('error', 'cannot migrate', { error: (error as Error).message })
  process.exitCode = 1
}
