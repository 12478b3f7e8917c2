import { writeSync } from 'node:fs'
import type { Log } from './log.ts'

export interface JsonLogOptions {
  /** Where a line goes, its end included; default: standard error. */
  readonly write?: (line: string) => void
  readonly now?: () => number
}

const levels = { info: 30, warn: 40, error: 50 } as const

/**
 * Logs a JSON object a line, with the names and levels of pino (`knarr logs` reads them); what is said at debug level is not kept.
 * Not by pino itself: every process of a cluster would load it before anything else, for this much.
 */
export function createJsonLog({ write = writeToStandardError, now = Date.now }: JsonLogOptions = {}): Log {
  const withFields = (bound: object): Log => {
    const say = (level: number) => (fields: object, msg?: string) => {
      const own = fields instanceof Error ? { err: fields } : fields
      write(`${encode({ level, time: new Date(now()).toISOString(), ...bound, ...own, ...(msg === undefined ? {} : { msg }) })}\n`)
    }
    const child = (fields: object) => withFields({ ...bound, ...fields })
    return { debug() {}, info: say(levels.info), warn: say(levels.warn), error: say(levels.error), child }
  }
  return withFields({})
}

/** What JSON cannot hold (a cycle, a bigint) is left out: the line itself is not lost. */
function encode(entry: object): string {
  try {
    return JSON.stringify(entry, plainErrors)
  } catch {
    const simple = Object.entries(entry).filter(([, value]) => typeof value !== 'object' && typeof value !== 'bigint')
    return JSON.stringify(Object.fromEntries(simple))
  }
}

function plainErrors(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value
  const chain = causesOf(value)
  const message = chain.map((error) => error.message).join(': ')
  const { cause: _, ...own } = value as object & { cause?: unknown }
  return { type: value.name, message, stack: chain.map((error) => error.stack).join('\ncaused by: '), ...own }
}

/** The error and what caused it, outermost first; a cycle ends. */
function causesOf(error: Error): Error[] {
  const chain: Error[] = []
  for (let next: unknown = error; next instanceof Error && !chain.includes(next); next = next.cause) chain.push(next)
  return chain
}

const pause = new Int32Array(new SharedArrayBuffer(4))
const patience = { tries: 100, ms: 10 }

/** At once, so that nothing is lost when the process ends. A log that cannot be written (a full disk) ends nobody. */
function writeToStandardError(line: string): void {
  let rest = Buffer.from(line)
  for (let tries = 0; rest.length > 0 && tries < patience.tries; tries++) {
    try {
      rest = rest.subarray(writeSync(2, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(pause, 0, 0, patience.ms)
    }
  }
}
