import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Target } from './backends.ts'
import { downstreamHeaders, headersObject, type RawHeaders } from './headers.ts'

export interface UpgradeForward {
  readonly request: IncomingMessage
  readonly socket: Duplex
  /** What the client has sent after its head. */
  readonly head: Buffer
  readonly targets: readonly Target[]
  readonly protocol: 'http' | 'https'
  readonly path: string
  readonly headers: readonly string[]
  readonly lookup?: LookupFunction | undefined
  readonly onFailure: (error: Error, target: Target) => void
}

/** Passes a protocol upgrade (WebSocket, SPDY) to the first endpoint that can be reached, then bytes both ways until either side ends. */
export const forwardUpgrade = (options: UpgradeForward, attempt = 0): void => {
  const { request, socket } = options
  const target = options.targets[attempt]!
  const send = options.protocol === 'https' ? httpsRequest : httpRequest
  const upstream = send({
    host: target.host,
    port: target.port,
    method: request.method,
    path: options.path,
    headers: headersObject([...options.headers, 'Connection', 'Upgrade', 'Upgrade', request.headers.upgrade ?? '']),
    agent: false,
    setHost: false,
    rejectUnauthorized: false,
    ...(options.lookup ? { lookup: options.lookup } : {}),
  })
  const onClientGone = (): void => void upstream.destroy()
  socket.once('close', onClientGone)
  upstream.on('upgrade', (answer, upstreamSocket, upstreamHead) => {
    socket.off('close', onClientGone)
    socket.write(switchingHead(answer), 'latin1')
    if (upstreamHead.length > 0) socket.write(upstreamHead)
    if (options.head.length > 0) upstreamSocket.write(options.head)
    joinSockets(socket, upstreamSocket)
  })
  upstream.on('response', (answer) => relayRefusal(socket, answer))
  upstream.on('error', (error) => {
    socket.off('close', onClientGone)
    if (socket.destroyed) return
    const neverConnected = !upstream.socket || upstream.socket.connecting || upstream.socket.bytesWritten === 0
    if (neverConnected && attempt + 1 < options.targets.length) return forwardUpgrade(options, attempt + 1)
    options.onFailure(error, target)
    refuseUpgrade(socket, 502, 'Bad Gateway')
  })
  upstream.end()
}

/** Answers on a bare socket and closes it. */
export const refuseUpgrade = (socket: Duplex, status: number, reason: string, headers: readonly string[] = [], text = `${status} ${reason}`): void => {
  const all = ['Content-Type', 'text/plain; charset=utf-8', 'Content-Length', `${Buffer.byteLength(text)}`, 'Connection', 'close', ...headers]
  socket.write(headOf(`${status} ${reason}`, all), 'latin1')
  socket.end(text)
}

/** A request head that asks for no upgrade, so that a server may read the same request once more as an ordinary one. */
export const plainHead = (request: IncomingMessage): string => {
  const kept = request.rawHeaders.flatMap((name, i, all) =>
    i % 2 === 0 && !['connection', 'upgrade', 'http2-settings'].includes(name.toLowerCase()) ? [name, all[i + 1]!] : [],
  )
  return `${request.method} ${request.url} HTTP/1.1\r\n${lines(kept)}\r\n`
}

const switchingHead = (answer: IncomingMessage): string =>
  headOf(`101 ${answer.statusMessage ?? 'Switching Protocols'}`, [
    ...downstreamHeaders(answer.rawHeaders),
    'Connection',
    'Upgrade',
    'Upgrade',
    answer.headers.upgrade ?? '',
  ])

/** An endpoint that answers instead of switching: its answer, and the end of the connection is the end of the body. */
const relayRefusal = (socket: Duplex, answer: IncomingMessage): void => {
  socket.write(headOf(`${answer.statusCode} ${answer.statusMessage ?? ''}`, [...downstreamHeaders(answer.rawHeaders), 'Connection', 'close']), 'latin1')
  answer.on('error', () => socket.destroy())
  answer.pipe(socket)
}

const headOf = (status: string, headers: RawHeaders): string => `HTTP/1.1 ${status}\r\n${lines(headers)}\r\n`

const lines = (headers: RawHeaders): string => headers.map((part, i) => (i % 2 === 0 ? `${part}: ` : `${part}\r\n`)).join('')

const joinSockets = (a: Duplex, b: Duplex): void => {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    if ('setTimeout' in from && typeof from.setTimeout === 'function') from.setTimeout(0)
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}
