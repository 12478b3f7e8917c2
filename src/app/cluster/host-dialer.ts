import { rmSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import type { Dial } from '../../node/images/registry/transport.ts'

/**
 * Opens TCP connections for the agent: a line `HOST PORT` in, a line of JSON out (`{}` or what went wrong), then the bytes both ways.
 * The agent lives in the profile's network namespace, where the machine's loopback and its resolvers are out of reach.
 */
export async function serveHostDialer(options: { socketPath: string; signal: AbortSignal }): Promise<void> {
  rmSync(options.socketPath, { force: true })
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inner) => {
    inner.on('error', () => inner.destroy())
    void readLine(inner).then((line) => {
      const [host = '', port] = line.split(' ')
      const outer = createConnection({ host, port: Number(port), autoSelectFamily: true, allowHalfOpen: true })
      const refuse = (error: NodeJS.ErrnoException) => {
        const { code, message, address, port: peerPort, hostname } = rootOf(error) as NodeJS.ErrnoException & Record<string, unknown>
        inner.end(`${JSON.stringify({ code, message, address, port: peerPort, hostname })}\n`)
      }
      outer.once('error', refuse)
      outer.once('connect', () => {
        outer.off('error', refuse).on('error', () => inner.destroy())
        inner.on('close', () => outer.destroy())
        outer.on('close', () => inner.destroy())
        inner.write('{}\n')
        inner.pipe(outer)
        outer.pipe(inner)
      })
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.socketPath, resolve))
  options.signal.addEventListener('abort', () => server.close(), { once: true })
}

/** Dials through that socket. */
export const dialThroughHost =
  (socketPath: string): Dial =>
  ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = createConnection(socketPath, () => socket.write(`${host} ${port}\n`))
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the connection through the machine was closed')))
      void readLine(socket).then((line) => {
        const fault = JSON.parse(line) as Partial<NodeJS.ErrnoException>
        if (fault.message === undefined) return resolve(socket.removeAllListeners('error').removeAllListeners('close'))
        reject(Object.assign(new Error(fault.message), fault))
        socket.destroy()
      })
    })

/** Never more than the line: what follows belongs to who comes next. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let line = ''
    const read = () => {
      for (let byte = socket.read(1) as Buffer | null; byte; byte = socket.read(1) as Buffer | null) {
        if (byte[0] === 10) return (socket.off('readable', read), resolve(line))
        line += byte.toString('latin1')
      }
    }
    socket.on('readable', read)
  })
}

const rootOf = (error: Error): Error => (error instanceof AggregateError && error.errors.length > 0 ? (error.errors.at(-1) as Error) : error)
