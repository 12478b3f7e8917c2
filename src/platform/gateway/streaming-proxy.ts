import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { downstreamHeaders, headersObject, pairsOf } from './headers.ts'
import { answerFailure, type Forward } from './proxy.ts'

export interface StreamingForward extends Forward {
  readonly lookup?: LookupFunction | undefined
}

/**
 * Sends a request whose body has no length yet, on a connection of its own. The head goes out at once: client and endpoint may talk
 * both ways, each waiting for the other's next chunk (undici would hold the head back until the first chunk of the body).
 */
export const forwardStreaming = (options: StreamingForward, attempt = 0): void => {
  const { request, response } = options
  const target = options.targets[attempt]!
  const upstream = open(options, attempt)
  let wasConnected = false
  const onClose = (): void => {
    if (!response.writableFinished) upstream.destroy()
  }
  response.once('close', onClose)
  whenConnected(upstream, () => {
    wasConnected = true
    request.pipe(upstream)
  })
  upstream.on('response', (answer) => relay(answer, options))
  upstream.on('error', (error) => {
    response.off('close', onClose)
    request.unpipe(upstream)
    if (response.destroyed || response.writableEnded) return
    if (!wasConnected && attempt + 1 < options.targets.length) return forwardStreaming(options, attempt + 1)
    options.onFailure(error, target)
    answerFailure(options, error)
  })
  upstream.flushHeaders()
}

const open = ({ protocol, targets, request, path, headers, lookup }: StreamingForward, attempt: number): ClientRequest => {
  const { host, port } = targets[attempt]!
  const send = protocol === 'https' ? httpsRequest : httpRequest
  const all = headersObject([...headers, 'Transfer-Encoding', 'chunked'])
  return send({
    host,
    port,
    method: request.method,
    path,
    headers: all,
    agent: false,
    setHost: false,
    rejectUnauthorized: false,
    ...(lookup ? { lookup } : {}),
  })
}

/** The body waits: an endpoint that cannot be reached must not eat the beginning of it. */
const whenConnected = (upstream: ClientRequest, run: () => void): void => {
  upstream.once('socket', (socket) => (socket.connecting ? socket.once('connect', run) : run()))
}

const relay = (answer: IncomingMessage, { response }: StreamingForward): void => {
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', downstreamHeaders(answer.rawHeaders))
  response.flushHeaders()
  answer.on('error', () => response.destroy())
  answer.on('end', () => {
    if (answer.rawTrailers.length > 0) response.addTrailers(pairsOf(answer.rawTrailers))
  })
  answer.pipe(response)
}
