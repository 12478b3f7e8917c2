import { type Environment, readServiceConfig, type ServiceConfig } from '../../common/environment.ts'
import { type DatabaseConfig, readDatabaseConfig } from '../../common/postgres.ts'

export interface Config extends ServiceConfig {
  readonly greeting: string
  /** Without one, tasks are kept in the memory of the process. */
  readonly database: DatabaseConfig | undefined
  /** Who is told what happens to tasks; nobody where it is not set. */
  readonly activityUrl: string | undefined
}

export const readConfig = (env: Environment): Config => ({
  ...readServiceConfig(env),
  greeting: env['GREETING'] || 'Hello',
  database: readDatabaseConfig(env),
  activityUrl: url(env, 'ACTIVITY_URL'),
})

const url = (env: Environment, name: string): string | undefined => {
  const value = env[name]
  if (!value) return undefined
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) throw new Error(`${name} must be an http address, not "${value}"`)
  return value
}
