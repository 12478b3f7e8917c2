import { hostname } from 'node:os'
import { type LogLevel, logLevels } from './log.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What every service is told. */
export interface ServiceConfig {
  readonly port: number
  readonly logLevel: LogLevel
  readonly hostname: string
  readonly podName: string
  /** How long requests are still taken after the signal to stop: proxies need a moment to learn that this Pod is going. */
  readonly drainMs: number
}

/** Configuration comes from the environment (factor III). Throws on what makes no sense, so that a bad deployment fails at once. */
export const readServiceConfig = (env: Environment): ServiceConfig => ({
  port: integer(env, 'PORT', { fallback: 5000, max: 65_535 }),
  logLevel: logLevel(env['LOG_LEVEL'] || 'info'),
  hostname: hostname(),
  podName: env['POD_NAME'] || hostname(),
  drainMs: integer(env, 'DRAIN_MS', { fallback: 1000, max: 60_000 }),
})

/** An unset and an empty variable are the same: manifests often blank one to reset it. */
export const integer = (env: Environment, name: string, range: { fallback: number; min?: number; max: number }): number => {
  const { fallback, min = 0, max } = range
  const value = Number(env[name] || fallback)
  if (!Number.isInteger(value) || value < min || value > max) throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${env[name]}"`)
  return value
}

const logLevel = (value: string): LogLevel => {
  const level = logLevels.find((known) => known === value.toLowerCase())
  if (!level) throw new Error(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not "${value}"`)
  return level
}
