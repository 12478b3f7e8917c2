import { createServer as createHttpServer, ServerResponse, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { StatusError } from '../../../base/machinery/status-error.ts'
import type { ClientSubject } from '../auth/authenticator.ts'
import { readRequest, type IncomingCall } from './read-request.ts'
import { writeResponse } from './write-response.ts'
import type { ApiResponse } from '../request.ts'

export interface ListenOptions {
  /** Serves TLS; without it plain HTTP (only for a socket that its file's mode guards). */
  readonly tls?: { readonly cert: string; readonly key: string; /** Client certificates must come from this CA. */ readonly ca?: string }
  readonly host?: string
  /** 0: any free port. */
  readonly port?: number
  readonly socketPath?: string
  readonly signal: AbortSignal
}

export interface Listening {
  /** Absent for a unix socket. */
  readonly port?: number
  /** Resolves when the server has closed. */
  readonly closed: Promise<void>
}

/** What a listener passes on. */
export interface Served {
  handle(call: IncomingCall): Promise<ApiResponse>
  /** Takes the socket over, or gives the response that refuses or needs no upgrade. */
  upgrade(call: IncomingCall, socket: Duplex, head: Buffer): Promise<ApiResponse | undefined>
  onError(error: unknown): void
}

/** Go's clients keep idle connections for 90 s and fail on one that the server closed first. */
const keepAliveTimeoutMs = 180_000

export async function listen(served: Served, options: ListenOptions): Promise<Listening> {
  const server = createServer(served, options)
  server.keepAliveTimeout = keepAliveTimeoutMs
  server.headersTimeout = keepAliveTimeoutMs + 10_000
  server.requestTimeout = 0
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => void serveUpgrade(served, message, socket, head))
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  await started(server, options)
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }
  if (options.signal.aborted) stop()
  else options.signal.addEventListener('abort', stop, { once: true })
  const address = server.address()
  return { closed, ...(address && typeof address === 'object' ? { port: (address as AddressInfo).port } : {}) }
}

function createServer(served: Served, { tls }: ListenOptions): Server {
  const onRequest: RequestListener = (message, response) => void serve(served, message, response)
  if (!tls) return createHttpServer({ noDelay: true }, onRequest)
  const { cert, key, ca } = tls
  return createHttpsServer(
    { cert, key, ...(ca ? { ca, requestCert: true, rejectUnauthorized: false } : {}), noDelay: true, ALPNProtocols: ['http/1.1'] },
    onRequest,
  )
}

const started = (server: Server, { host, port, socketPath }: ListenOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    const ready = () => {
      server.off('error', reject)
      resolve()
    }
    if (socketPath) server.listen(socketPath, ready)
    else server.listen(port ?? 0, host ?? '127.0.0.1', ready)
  })

async function serve(served: Served, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  message.on('error', () => gone.abort())
  try {
    const call = await readRequest(message, { certificate: subjectOf(message), signal: gone.signal })
    const answer = await served.handle(call)
    await writeResponse(response, answer)
  } catch (error) {
    if (gone.signal.aborted) return
    if (!(error instanceof StatusError)) served.onError(error)
    if (response.headersSent) return void response.destroy()
    const status = error instanceof StatusError ? error : new StatusError('InternalError', 'Internal error occurred')
    await writeResponse(response, { status: status.code, headers: { 'content-type': 'application/json' }, body: status.toStatus() }).catch(() =>
      response.destroy(),
    )
  }
}

async function serveUpgrade(served: Served, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  socket.on('error', () => socket.destroy())
  try {
    const call = await readRequest(message, { certificate: subjectOf(message), signal: gone.signal, withoutBody: true })
    const answer = await served.upgrade(call, socket, head)
    if (!answer) return
    const response = new ServerResponse(message)
    response.assignSocket(socket as Socket)
    response.shouldKeepAlive = false
    response.once('finish', () => socket.end())
    await writeResponse(response, answer)
  } catch (error) {
    served.onError(error)
    socket.destroy()
  }
}

type Identified = TLSSocket & { [subjectKey]?: ClientSubject | undefined }
const subjectKey = Symbol('client subject')

/** The subject of a certificate that the client CA has signed; read once a connection. */
function subjectOf(message: IncomingMessage): ClientSubject | undefined {
  const socket = message.socket as Identified
  if (!socket.authorized) return undefined
  return (socket[subjectKey] ??= readSubject(socket))
}

function readSubject(socket: TLSSocket): ClientSubject | undefined {
  const { subject } = socket.getPeerCertificate() as PeerCertificate & { subject?: Record<string, string | string[]> }
  const commonName = [subject?.CN ?? []].flat()[0]
  return commonName === undefined ? undefined : { commonName, organizations: [subject?.O ?? []].flat() }
}
