import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ExecChannels } from './exec-session.ts'
import { SpdyConnection, type SpdyStream } from './spdy-connection.ts'
import { sizesOf } from './websocket-channels.ts'

interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

interface Wants {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

const protocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const
const streamsWithinMs = 30_000

/** Answers the upgrade and hands the socket on, with what came along already. */
export const acceptSpdy = ({ socket, head }: Upgrade, protocol: string): Duplex => {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`)
  if (head.length) socket.unshift(head)
  return socket
}

/** The first of `known` that the client offers. */
export const negotiated = (request: IncomingMessage, known: readonly string[]): string | undefined => {
  const offered = String(request.headers['x-stream-protocol-version'] ?? '')
    .split(',')
    .map((one) => one.trim())
  return known.find((one) => offered.includes(one))
}

/** Resolves when the client has opened every stream that it asked for. */
export const acceptSpdyExec = (upgrade: Upgrade, wants: Wants): Promise<ExecChannels> => {
  const protocol = negotiated(upgrade.request, protocols) ?? 'channel.k8s.io'
  const expected = ['error', ...(['stdin', 'stdout', 'stderr'] as const).filter((name) => wants[name]), ...(wants.tty && isSized(protocol) ? ['resize'] : [])]
  const streams = new Map<string, SpdyStream>()
  return new Promise((resolve, reject) => {
    const connection: SpdyConnection = new SpdyConnection({
      socket: acceptSpdy(upgrade, protocol),
      onStream: (stream) => {
        streams.set(stream.headers.streamtype ?? '', stream)
        if (!expected.every((name) => streams.has(name))) return
        clearTimeout(timer)
        resolve(channelsOf(connection, streams, protocol))
      },
    })
    const timer = setTimeout(() => {
      upgrade.socket.destroy()
      reject(new Error('timed out waiting for client to create streams'))
    }, streamsWithinMs)
    connection.onClose(() => clearTimeout(timer))
  })
}

const isSized = (protocol: string) => protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io'

const channelsOf = (connection: SpdyConnection, streams: ReadonlyMap<string, SpdyStream>, protocol: string): ExecChannels => ({
  stdin: streams.get('stdin')?.duplex,
  stdout: streams.get('stdout')?.duplex,
  stderr: streams.get('stderr')?.duplex,
  onResize: (listener) => void streams.get('resize')?.duplex.on('data', (data: Buffer) => sizesOf(data).forEach(listener)),
  onClose: (listener) => connection.onClose(listener),
  finish: async (status) => {
    await endStream(streams.get('error')?.duplex, outcome(status, protocol))
    for (const name of ['stdout', 'stderr', 'stdin', 'resize']) await endStream(streams.get(name)?.duplex)
    await connection.close()
  },
})

// Before v4 the error stream carried bare text, nothing on success.
const outcome = (status: object, protocol: string): string => {
  if (protocol === 'v4.channel.k8s.io') return JSON.stringify(status)
  return 'message' in status ? String(status.message) : ''
}

const endStream = (stream: Duplex | undefined, text = ''): Promise<void> =>
  new Promise((resolve) => {
    if (!stream || stream.destroyed || stream.writableFinished) return resolve()
    stream.once('close', resolve).once('finish', resolve)
    if (!stream.writableEnded) stream.end(text)
  })
