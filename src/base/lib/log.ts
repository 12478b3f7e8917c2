import { pino } from 'pino'

/** A structured log. `fields` first, then the message, as pino has it. */
export interface Log {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
  child(fields: object): Log
}

/** Logs JSON lines to `fd` (standard error unless told). */
export const createLog = (options: { level?: string; fd?: number } = {}): Log =>
  pino({ level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: options.fd ?? 2, sync: true }))

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog }
