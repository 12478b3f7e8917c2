import { hostname } from 'node:os'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface Config {
  readonly port: number
  readonly logLevel: LogLevel
  readonly greeting: string
  readonly hostname: string
  readonly podName: string
  /** How long requests are still taken after the signal to stop: proxies need a moment to learn that this Pod is going. */
  readonly drainMs: number
}

/** Configuration comes from the environment (factor III). Throws on what makes no sense, so that a bad deployment fails at once. */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config => ({
  port: integer(env, 'PORT', 5000, 65_535),
  logLevel: logLevel(env['LOG_LEVEL'] || 'info'),
  greeting: env['GREETING'] || 'Hello',
  hostname: hostname(),
  podName: env['POD_NAME'] || hostname(),
  drainMs: integer(env, 'DRAIN_MS', 1000, 60_000),
})

const integer = (env: Readonly<Record<string, string | undefined>>, name: string, fallback: number, max: number): number => {
  const value = Number(env[name] || fallback)
  if (!Number.isInteger(value) || value < 0 || value > max) throw new Error(`${name} must be a whole number from 0 to ${max}, not "${env[name]}"`)
  return value
}

const logLevel = (value: string): LogLevel => {
  const level = logLevels.find((known) => known === value.toLowerCase())
  if (!level) throw new Error(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not "${value}"`)
  return level
}
