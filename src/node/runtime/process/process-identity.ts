import { readFileSync } from 'node:fs'

/** A process told apart from a later one with the same number by its start time (field 22 of /proc/PID/stat, in ticks). */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTicks: number
}

/** Reads a line of /proc/PID/stat; undefined when it is not whole. The command name may hold blanks and brackets. */
export function parseStat(line: string): (ProcessIdentity & { readonly state: string }) | undefined {
  const pid = Number.parseInt(line, 10)
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const startTicks = Number(fields[19])
  return Number.isInteger(pid) && Number.isFinite(startTicks) ? { pid, startTicks, state: fields[0] ?? '?' } : undefined
}

export function identify(pid: number): ProcessIdentity | undefined {
  const found = statOf(pid)
  return found && { pid, startTicks: found.startTicks }
}

/** A zombie counts as ended. */
export function isAlive(identity: ProcessIdentity): boolean {
  const found = statOf(identity.pid)
  return found !== undefined && found.startTicks === identity.startTicks && found.state !== 'Z' && found.state !== 'X'
}

/** Signals it only if it is still the same process; false when it has ended. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals | number): boolean {
  if (!isAlive(identity)) return false
  try {
    return process.kill(identity.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** An identity that a launcher script left behind by copying its own /proc/self/stat. */
export function readIdentity(file: string): ProcessIdentity | undefined {
  const text = readIfThere(file)
  const found = text === undefined ? undefined : parseStat(text)
  return found && { pid: found.pid, startTicks: found.startTicks }
}

function statOf(pid: number): ReturnType<typeof parseStat> {
  const text = readIfThere(`/proc/${pid}/stat`)
  return text === undefined ? undefined : parseStat(text)
}

export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') return undefined
    throw error
  }
}
