import { closeSync, createWriteStream, existsSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import { UserError } from '../cluster/errors.ts'
import { profilePaths } from '../cluster/profile.ts'
import { homeOf, knownProfile, print, type CommandLine } from './context.ts'
import { createLineReader, type LogLine, mergeLines } from './log-lines.ts'

// The platform process writes to the server's log, each entry under its own name.
const components = ['supervisor', 'server', 'agent'] as const
const pollMs = 200

export interface LogsOptions {
  readonly profile: string
  readonly file?: string
  readonly follow?: boolean
  readonly length?: number
}

/** What the cluster's own processes say, in the order of time. */
export async function logs(cli: CommandLine, options: LogsOptions): Promise<void> {
  const home = homeOf(cli)
  const profile = knownProfile(home, options.profile)
  const { logs: folder } = profilePaths(home, profile.name)
  const readers = components.map((component) => new LogFile(join(folder, `${component}.log`), createLineReader(component)))
  const merged = mergeLines(readers.map((reader) => reader.read()))
  const out = options.file === undefined ? cli.stdout : await openFile(options.file)
  write(out, options.length === undefined ? merged : merged.slice(-options.length))
  if (options.follow) await follow(readers, out)
  if (options.file === undefined) return
  await finished(out.end() as Writable)
  print(cli, `${merged.length} lines are in ${options.file}`)
}

const write = (out: Writable, lines: readonly LogLine[]) => lines.length > 0 && out.write(lines.map(({ text }) => `${text}\n`).join(''))

/** Until Ctrl-C. */
async function follow(readers: readonly LogFile[], out: Writable): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  while (!stop.signal.aborted) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs)
      stop.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
    })
    write(out, mergeLines(readers.map((reader) => reader.read())))
  }
}

async function openFile(path: string): Promise<Writable> {
  const stream = createWriteStream(path)
  await new Promise<void>((resolve, reject) =>
    stream
      .once('open', () => resolve())
      .once('error', (cause: NodeJS.ErrnoException) => reject(new UserError(`${path} cannot be written (${cause.code})`, { cause }))),
  )
  return stream
}

/** Reads what was appended since the last time, whole lines only. */
class LogFile {
  readonly #path: string
  readonly #toLine: (line: string) => LogLine
  readonly #decoder = new StringDecoder('utf8')
  #offset = 0
  #rest = ''

  constructor(path: string, toLine: (line: string) => LogLine) {
    this.#path = path
    this.#toLine = toLine
  }

  read(): LogLine[] {
    if (!existsSync(this.#path)) return []
    const descriptor = openSync(this.#path, 'r')
    const chunk = Buffer.alloc(1 << 16)
    const lines: string[] = []
    try {
      for (let size = 0; (size = readSync(descriptor, chunk, 0, chunk.length, this.#offset)) > 0;) {
        this.#offset += size
        const parts = (this.#rest + this.#decoder.write(chunk.subarray(0, size))).split('\n')
        this.#rest = parts.pop() ?? ''
        lines.push(...parts)
      }
    } finally {
      closeSync(descriptor)
    }
    return lines.map(this.#toLine)
  }
}
