import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../../base/lib/clock.ts'

type Stream = 'stdout' | 'stderr'

const newline = 0x0a
const maxLineBytes = 16 * 1024
const keptFiles = 4

/** Writes a container's output in the CRI log format: `<RFC 3339 nanoseconds> <stream> <F|P> <line>`, rotating by size. */
export class LogFile {
  readonly #path: string
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #pending: Record<Stream, Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
  #fd: number
  #bytes: number

  constructor(options: { path: string; clock: Clock; maxBytes?: number }) {
    this.#path = options.path
    this.#clock = options.clock
    this.#maxBytes = options.maxBytes ?? 10 * 1024 * 1024
    mkdirSync(dirname(this.#path), { recursive: true })
    this.#fd = openSync(this.#path, 'a', 0o640)
    this.#bytes = fstatSync(this.#fd).size
  }

  /** Whole lines are written at once, in one call; the rest waits for its end or for 16 KiB. */
  write(stream: Stream, chunk: Buffer): void {
    const data = this.#pending[stream].length > 0 ? Buffer.concat([this.#pending[stream], chunk]) : chunk
    const head = `${stampNanos(this.#clock.now())} ${stream} `
    const out: (string | Buffer)[] = []
    let start = 0
    for (;;) {
      const end = data.indexOf(newline, start)
      const length = (end === -1 ? data.length : end) - start
      if (length > maxLineBytes) {
        out.push(`${head}P `, data.subarray(start, start + maxLineBytes), '\n')
        start += maxLineBytes
        continue
      }
      if (end === -1) break
      out.push(`${head}F `, data.subarray(start, end), '\n')
      start = end + 1
    }
    this.#pending[stream] = Buffer.from(data.subarray(start))
    this.#append(out)
  }

  /** Writes what has no line end yet, as upstream does at the end of a stream. */
  close(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const rest = this.#pending[stream]
      if (rest.length > 0) this.#append([`${stampNanos(this.#clock.now())} ${stream} P `, rest, '\n'])
      this.#pending[stream] = Buffer.alloc(0)
    }
    closeSync(this.#fd)
  }

  #append(parts: readonly (string | Buffer)[]): void {
    if (parts.length === 0) return
    if (this.#bytes >= this.#maxBytes) this.#rotate()
    const data = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
    for (let at = 0; at < data.length;) at += writeSync(this.#fd, data, at)
    this.#bytes += data.length
  }

  #rotate(): void {
    closeSync(this.#fd)
    const stamp = new Date(this.#clock.now()).toISOString().replace(/[-:]/g, '').replace('T', '-').replace('.', '').slice(0, 18)
    renameSync(this.#path, `${this.#path}.${stamp}`)
    const folder = dirname(this.#path)
    const rotated = readdirSync(folder)
      .filter((name) => name.startsWith(`${basename(this.#path)}.`))
      .sort()
    for (const name of rotated.slice(0, -keptFiles)) rmSync(join(folder, name), { force: true })
    this.#fd = openSync(this.#path, 'a', 0o640)
    this.#bytes = 0
  }
}

const stampNanos = (ms: number) => `${new Date(ms).toISOString().slice(0, -1)}000000Z`
