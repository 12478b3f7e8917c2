import { pino } from 'pino'
import type { Log } from './log.ts'

/** Logs JSON lines to `fd` (standard error unless told). */
export const createJsonLog = (options: { level?: string; fd?: number } = {}): Log =>
  pino({ level: options.level ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ fd: options.fd ?? 2, sync: true }))
