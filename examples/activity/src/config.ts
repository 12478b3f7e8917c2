import { type Environment, readServiceConfig, type ServiceConfig } from '../../common/environment.ts'
import { type DatabaseConfig, readDatabaseConfig } from '../../common/postgres.ts'

export interface Config extends ServiceConfig {
  /** Without one, what happened is kept in the memory of the process. */
  readonly database: DatabaseConfig | undefined
}

export const readConfig = (env: Environment): Config => ({ ...readServiceConfig(env), database: readDatabaseConfig(env) })
