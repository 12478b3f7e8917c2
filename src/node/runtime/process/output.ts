import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../../../base/lib/clock.ts'
import { LogFile } from './log-file.ts'

const drainMs = 2_000

/** Takes what a container writes. False: no more until `whenReady` calls back. */
export interface OutputTap {
  write(stream: 'stdout' | 'stderr', chunk: Buffer): boolean
  whenReady(listener: () => void): void
}

/** Reads a FIFO as a socket: a file stream would hold one of libuv's few threads for as long as nothing is written. */
export function readFifo(path: string, flags = constants.O_RDONLY): Socket {
  return new Socket({ fd: openSync(path, flags | constants.O_NONBLOCK), readable: true, writable: false })
}

/** Carries what a container writes from its launcher's FIFOs into its log file. */
export class OutputReader {
  readonly #sockets: readonly Socket[]
  readonly #log: LogFile
  readonly #folder: string
  readonly #clock: Clock
  readonly #ended: Promise<unknown>
  readonly #taps = new Set<OutputTap>()
  #open = true

  constructor(options: { folder: string; logFile: string; clock: Clock }) {
    this.#folder = options.folder
    this.#clock = options.clock
    this.#log = new LogFile({ path: options.logFile, clock: options.clock })
    this.#sockets = (['stdout', 'stderr'] as const).map((stream) => {
      const socket = readFifo(join(options.folder, stream === 'stdout' ? 'out' : 'err'))
      return socket.on('data', (chunk: Buffer) => this.#take(socket, stream, chunk)).on('error', () => {})
    })
    this.#ended = Promise.all(this.#sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
  }

  /** After the end of the container: lets its launcher go and takes everything it still held. */
  async drain(): Promise<void> {
    releaseLauncher(this.#folder)
    const late = new AbortController()
    await Promise.race([this.#ended, this.#clock.sleep(drainMs, late.signal).catch(() => {})])
    late.abort()
    this.close()
  }

  tap(tap: OutputTap): () => void {
    this.#taps.add(tap)
    return () => {
      this.#taps.delete(tap)
      for (const socket of this.#sockets) socket.resume()
    }
  }

  // Who is attached and slow holds the container back, as upstream.
  #take(socket: Socket, stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this.#log.write(stream, chunk)
    for (const tap of this.#taps) {
      if (tap.write(stream, chunk)) continue
      socket.pause()
      tap.whenReady(() => socket.resume())
    }
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    for (const socket of this.#sockets) socket.destroy()
    this.#log.close()
  }
}

/** Tells a launcher whose container has ended that nobody else will read; without effect when it is gone. */
export function releaseLauncher(folder: string): void {
  try {
    const fd = openSync(join(folder, 'ack'), constants.O_WRONLY | constants.O_NONBLOCK)
    writeSync(fd, '\n')
    closeSync(fd)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENXIO' && code !== 'ENOENT') throw error
  }
}
