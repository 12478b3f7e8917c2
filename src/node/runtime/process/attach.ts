import { closeSync, constants, existsSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import type { AttachSession } from '../runtime.ts'
import { type Container, inputOf } from './container.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import { TerminalSize } from './terminal.ts'

/** Left in a container's folder when its only input has ended. */
const inputEnded = 'input-ended'

/** Joins the streams of a running container. */
export function attachTo(container: Container, options: { readonly stdin: boolean; readonly clock: Clock }): AttachSession {
  const { config } = container.record
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const streams = { stdout, stderr: config.tty ? stdout : stderr }
  const untap = container.tap({
    write: (stream, chunk) => streams[stream].destroyed || streams[stream].write(chunk),
    whenReady: (listener) => Object.values(streams).forEach((stream) => stream.once('drain', listener)),
  })
  const size = new TerminalSize(options)
  if (config.tty) size.open(`/proc/${container.init?.pid}/root/dev/pts/0`)
  let detach = () => {}
  const detached = new Promise<void>((resolve) => (detach = resolve))
  // Input that outlives its client ends the session with the client's end of it; see containerd's attach.
  const stdin = options.stdin && config.stdin ? openInput(container, { size, onEnd: config.stdinOnce ? () => {} : detach }) : undefined
  const ended = Promise.race([container.ended(), detached]).then(() => {
    untap()
    stdin?.destroy()
    stdout.end()
    stderr.end()
  })
  return { ...(stdin ? { stdin } : {}), stdout, ...(config.tty ? {} : { stderr }), resize: (columns, rows) => size.set(columns, rows), detach, ended }
}

/** Undefined where the input has ended for good. */
function openInput({ folder, record: { config } }: Container, options: { readonly size: TerminalSize; readonly onEnd: () => void }): Writable | undefined {
  if (existsSync(join(folder, inputEnded))) return undefined
  const fifo = new Socket({ fd: openSync(join(folder, 'in'), constants.O_WRONLY | constants.O_NONBLOCK), readable: false, writable: true })
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      const pass = () => void fifo.write(chunk, () => done())
      if (config.tty) options.size.whenSettled(pass)
      else pass()
    },
    final: (done) =>
      fifo.end(() => {
        if (inputOf(config) === 'once') endInput(folder)
        options.onEnd()
        done()
      }),
    destroy: (error, done) => (fifo.destroy(), done(error)),
  }).on('error', () => {})
}

function endInput(folder: string): void {
  writeFileSync(join(folder, inputEnded), '')
  const fd = openSync(join(folder, 'eof'), constants.O_WRONLY | constants.O_NONBLOCK)
  writeSync(fd, '\n')
  closeSync(fd)
}
