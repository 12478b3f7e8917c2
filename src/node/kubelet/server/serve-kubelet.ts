import { StatusError, type StatusReason } from '../../../base/machinery/status-error.ts'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import type { Kubelets } from '../start-kubelets.ts'
import { RequestError } from './pod-request.ts'
import { serveAttach } from './serve-attach.ts'
import { serveExec } from './serve-exec.ts'
import { serveLogs } from './serve-logs.ts'
import { servePortForward } from './serve-port-forward.ts'

export interface ServeKubeletOptions {
  /** Made with mode 0600: whoever may open it is trusted. */
  readonly socketPath: string
  readonly kubelets: Kubelets
  /** `POST /nodes`: which nodes there should be has changed; resolves when they are so. */
  readonly followNodes?: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * The kubelet's HTTP interface on a unix socket, for the API server: `/healthz`, `/pods`, `/containerLogs/NS/POD/CONTAINER`,
 * `POST /nodes` (above), and by upgrade `/exec/NS/POD/CONTAINER`, `/attach/NS/POD/CONTAINER` and `/portForward/NS/POD`. Refusals are
 * plain text. Resolves when it listens.
 */
export const serveKubelet = async (options: ServeKubeletOptions): Promise<{ readonly closed: Promise<void> }> => {
  const { socketPath, signal, log } = options
  await rm(socketPath, { force: true })
  const server = createServer({ keepAliveTimeout: 180_000, requestTimeout: 0 }, (request, response) => {
    answer(options, request, response).catch((error: Error) => refuse(response, error, log))
  })
  const upgraded = new Set<Duplex>()
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket)
    socket.on('close', () => upgraded.delete(socket)).on('error', () => socket.destroy())
    upgrade(options, request, socket, head).catch((error: Error) => refuseUpgrade(socket, error, log))
  })
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve))
  await chmod(socketPath, 0o600)
  signal.addEventListener(
    'abort',
    () => {
      server.close()
      server.closeAllConnections()
      for (const socket of upgraded) socket.destroy()
    },
    { once: true },
  )
  return { closed }
}

const parse = (request: IncomingMessage) => {
  const url = new URL(request.url ?? '/', 'http://kubelet')
  const [verb = '', ...segments] = url.pathname.split('/').slice(1).map(decodeURIComponent)
  return { verb, segments, query: url.searchParams }
}

const answer = async ({ kubelets, clock, followNodes }: ServeKubeletOptions, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { verb, segments, query } = parse(request)
  switch (verb) {
    case 'healthz':
      return void response.end('ok')
    case 'pods': {
      const list = { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: kubelets.pods() }
      return void response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(list))
    }
    case 'nodes':
      if (request.method !== 'POST' || !followNodes) throw new RequestError(405, 'method not allowed')
      await followNodes()
      return void response.end('ok')
    case 'containerLogs':
      return serveLogs({ kubelets, segments, query, response, clock })
    case 'exec':
    case 'attach':
    case 'portForward':
      throw new RequestError(400, 'unable to upgrade: missing upgrade headers in request')
    default:
      throw new RequestError(404, '404 page not found')
  }
}

const upgrade = async ({ kubelets }: ServeKubeletOptions, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
  const { verb, segments, query } = parse(request)
  if (verb === 'attach') return serveAttach({ kubelets, segments, query, upgrade: { request, socket, head } })
  if (verb === 'exec') return serveExec({ kubelets, segments, query, upgrade: { request, socket, head } })
  if (verb === 'portForward') return servePortForward({ kubelets, segments, upgrade: { request, socket, head } })
  throw new RequestError(404, '404 page not found')
}

const codeOf = (error: Error): number => (error instanceof RequestError ? error.code : 500)

const refuse = (response: ServerResponse, error: Error, log: Log): void => {
  if (codeOf(error) === 500) log.warn({ error: error.message }, 'a request to the kubelet failed')
  if (response.headersSent) return void response.destroy()
  response.writeHead(codeOf(error), { 'Content-Type': 'text/plain; charset=utf-8' }).end(error.message)
}

/** As a Status: kubectl takes the text of a refused upgrade for YAML, and shows nothing of one with a colon in it. */
const refuseUpgrade = (socket: Duplex, error: Error, log: Log): void => {
  if (!(error instanceof RequestError)) log.warn({ error: error.message }, 'a stream of the kubelet failed')
  if (socket.destroyed) return
  const code = codeOf(error)
  const { words, reason } = refusals[code] ?? refusals[500]
  const body = Buffer.from(JSON.stringify(new StatusError(reason, error.message, undefined, { code }).toStatus()))
  const head = `HTTP/1.1 ${code} ${words}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`
  socket.end(Buffer.concat([Buffer.from(head), body]))
}

const refusals: {
  readonly [code: number]: { readonly words: string; readonly reason: StatusReason }
  readonly 500: { readonly words: string; readonly reason: StatusReason }
} = {
  400: { words: 'Bad Request', reason: 'BadRequest' },
  404: { words: 'Not Found', reason: 'NotFound' },
  500: { words: 'Internal Server Error', reason: 'InternalError' },
}
