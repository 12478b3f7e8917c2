import { type Environment, readServiceConfig, type ServiceConfig } from '../../common/environment.ts'

export interface Config extends ServiceConfig {
  readonly greeting: string
}

export const readConfig = (env: Environment): Config => ({ ...readServiceConfig(env), greeting: env['GREETING'] || 'Hello' })
