import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import type { Clock } from '../../base/lib/clock.ts'

/** Asks somebody else: a whole DNS message in, the whole answer out, however long. Throws when nobody answers. */
export type Forwarder = (query: Buffer, options: { readonly signal: AbortSignal }) => Promise<Buffer>

export interface ForwardOptions {
  /** Addresses, `1.2.3.4` or `1.2.3.4:5353`, asked in turn. Read anew for each query. */
  readonly servers: () => readonly string[]
  readonly clock: Clock
  /** For each server. */
  readonly timeoutMs?: number
}

/** Forwards by UDP and, where an answer is cut off, by TCP. Must run where the servers can be reached. */
export const forwardTo =
  ({ servers, clock, timeoutMs = 2_000 }: ForwardOptions): Forwarder =>
  async (query, { signal }) => {
    let last: Error = new Error('there is no upstream DNS server')
    for (const server of servers()) {
      const [host = '', port = '53'] = server.split(':')
      const timeout = new AbortController()
      const cancel = clock.after(timeoutMs, () => timeout.abort(new Error(`${server} did not answer`)))
      const both = AbortSignal.any([signal, timeout.signal])
      try {
        const reply = await askUdp(query, { host, port: Number(port), signal: both })
        return isTruncated(reply) ? await askTcp(query, { host, port: Number(port), signal: both }) : reply
      } catch (error) {
        last = error as Error
      } finally {
        cancel()
      }
      if (signal.aborted) break
    }
    throw last
  }

interface Server {
  readonly host: string
  readonly port: number
  readonly signal: AbortSignal
}

const isTruncated = (message: Buffer): boolean => ((message[2] ?? 0) & 0x02) !== 0

const askUdp = (query: Buffer, { host, port, signal }: Server): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', signal })
    const end = (settle: () => void) => (signal.removeEventListener('abort', abort), socket.close(), settle())
    const abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', (error) => end(() => reject(error)))
    // Only the server's own answer to this query: anybody may send to the port.
    socket.on('message', (message, from) => {
      if (from.address === host && from.port === port && message.length >= 12 && message.readUInt16BE(0) === query.readUInt16BE(0)) end(() => resolve(message))
    })
    socket.send(query, port, host, (error) => error && end(() => reject(error)))
  })

const askTcp = (query: Buffer, { host, port, signal }: Server): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    let received = Buffer.alloc(0)
    const abort = () => socket.destroy(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    socket.once('close', () => (signal.removeEventListener('abort', abort), reject(new Error(`${host} closed the connection`))))
    socket.once('error', reject)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)))
      socket.destroy()
    })
    const length = Buffer.alloc(2)
    length.writeUInt16BE(query.length)
    socket.write(Buffer.concat([length, query]))
  })
