export interface LogLine {
  /** Undefined before the first line of a file that has a time. */
  readonly timeMs: number | undefined
  readonly text: string
}

const levels: Readonly<Record<number, string>> = { 10: 'TRACE', 20: 'DEBUG', 30: 'INFO', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' }

/**
 * Turns the lines of one component's log into readable ones:
 * `{"level":30,"time":"2026-11-25T02:06:34.683Z","role":"server","port":6443,"msg":"the API answers"}` becomes
 * `2026-11-25T02:06:34.683Z  server    INFO   the API answers  port=6443`.
 * Other lines (a stack trace, what a tool printed) keep their words and have the time of the line before them.
 */
export function createLineReader(component: string): (line: string) => LogLine {
  let timeMs: number | undefined
  return (line) => {
    const entry = parseEntry(line)
    if (!entry) return { timeMs, text: `${stampOf(timeMs)}  ${component.padEnd(9)} ${''.padEnd(6)} ${line}` }
    const { level, time, role, msg, ...fields } = entry
    timeMs = Date.parse(time)
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${show(value)}`)
    const words = [msg ?? '', ...(shown.length ? [shown.join(' ')] : [])].join('  ')
    return { timeMs, text: `${stampOf(timeMs)}  ${(role ?? component).padEnd(9)} ${(levels[level] ?? String(level)).padEnd(6)} ${words}` }
  }
}

interface Entry {
  readonly level: number
  readonly time: string
  readonly role?: string
  readonly msg?: string
  readonly [field: string]: unknown
}

function parseEntry(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const entry = JSON.parse(line) as Partial<Entry>
    return typeof entry.level === 'number' && !Number.isNaN(Date.parse(entry.time ?? '')) ? (entry as Entry) : undefined
  } catch {
    return undefined
  }
}

const stampOf = (timeMs: number | undefined) => (timeMs === undefined ? '' : new Date(timeMs).toISOString()).padEnd(24)

function show(value: unknown): string {
  if (typeof value !== 'string') return isError(value) ? JSON.stringify(value.message) : (JSON.stringify(value) ?? 'undefined')
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
}

const isError = (value: unknown): value is { readonly message: string; readonly stack: string } =>
  typeof value === 'object' && value !== null && 'stack' in value && 'message' in value

/** Merges several logs by time; what has no time comes first, and lines of the same moment stay as they were. */
export const mergeLines = (logs: readonly (readonly LogLine[])[]): LogLine[] => logs.flat().sort((a, b) => (a.timeMs ?? 0) - (b.timeMs ?? 0))
