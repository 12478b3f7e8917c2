import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Socket as TcpSocket } from 'node:net'
import type { Log } from '../../base/lib/log.ts'

/** Answers one message; `limit` is set for UDP. Undefined: no answer at all. */
export type Handler = (message: Buffer, transport: 'udp' | 'tcp') => Promise<Buffer | undefined>

export interface DnsServerOptions {
  readonly address: string
  readonly port: number
  readonly handler: Handler
  readonly log: Log
  readonly signal: AbortSignal
}

const idleTimeoutMs = 10_000
const connectionLimit = 1_000

/** Listens by UDP and TCP at one address until `signal` aborts. Rejects if the address cannot be bound. Gives the port, for port 0. */
export const listenDns = async (options: DnsServerOptions): Promise<number> => {
  const port = await listenTcp(options, options.port)
  await listenUdp(options, port)
  return port
}

const listenUdp = (options: DnsServerOptions, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket: Socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
    socket.once('error', reject)
    socket.on('message', (message, from) => {
      void options.handler(message, 'udp').then((reply) => {
        if (reply && !options.signal.aborted) socket.send(reply, from.port, from.address, () => {})
      })
    })
    socket.bind({ address: options.address, port }, () => {
      socket.off('error', reject)
      socket.on('error', (error) => options.log.warn({ error: error.message }, 'the DNS socket failed'))
      options.signal.addEventListener('abort', () => socket.close(), { once: true })
      resolve()
    })
  })

const listenTcp = (options: DnsServerOptions, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const open = new Set<TcpSocket>()
    const server = createServer((socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      serve(socket, options)
    })
    server.maxConnections = connectionLimit
    server.once('error', reject)
    server.listen({ host: options.address, port }, () => {
      options.signal.addEventListener('abort', () => (server.close(), open.forEach((socket) => socket.destroy())), { once: true })
      resolve((server.address() as { port: number }).port)
    })
  })

/** Messages behind a length of two bytes each, any number on one connection. */
const serve = (socket: TcpSocket, { handler }: DnsServerOptions): void => {
  let received = Buffer.alloc(0)
  socket.setTimeout(idleTimeoutMs, () => socket.destroy())
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0)
      void handler(received.subarray(2, end), 'tcp').then((reply) => reply && !socket.destroyed && socket.write(framed(reply)))
      received = received.subarray(end)
    }
  })
}

const framed = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}
