import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Agent } from 'undici'
import type { Log } from '../../base/lib/log.ts'
import type { Target } from './backends.ts'
import { upstreamHeaders } from './headers.ts'
import type { GatewayHandlers } from './listeners.ts'
import { normalizeHost, pathAndQuery } from './paths.ts'
import { answerText, forward } from './proxy.ts'
import { matchRoute, type RouteMatch, type Routes, matchCertificate } from './routes.ts'
import { forwardStreaming } from './streaming-proxy.ts'
import { forwardUpgrade, plainHead, refuseUpgrade } from './upgrade.ts'

export interface RequestHandlerOptions {
  /** The table and the endpoints as of now. */
  readonly routes: () => Routes
  /** Ready endpoints of the route's backend, the one whose turn it is first. */
  readonly targetsOf: (route: RouteMatch) => readonly Target[]
  readonly agent: Agent
  readonly lookup?: LookupFunction | undefined
  /** The port that redirects lead to, for clients that came by a port of their own. */
  readonly httpsPort: () => number | undefined
  /** Requests wait for it: before the first look at the cluster there is nothing to answer by. */
  readonly synced: Promise<void>
  readonly log: Log
}

/** What to do with a request, decided before a byte of it is sent on. */
type Decision =
  | { readonly kind: 'answer'; readonly status: number; readonly reason: string; readonly text: string; readonly location?: string }
  | { readonly kind: 'forward'; readonly route: RouteMatch; readonly targets: readonly Target[]; readonly path: string; readonly headers: readonly string[] }

export const createRequestHandlers = (options: RequestHandlerOptions): GatewayHandlers => {
  let isSynced = false
  void options.synced.then(() => (isSynced = true))
  const onceSynced = (run: () => void): void => (isSynced ? run() : void options.synced.then(run))
  return {
    onRequest: (request, response) => onceSynced(() => handleRequest(options, request, response)),
    onUpgrade: (request, socket, head, server) => {
      // Java's client offers h2c with every request; taking it as the ordinary request that it also is, is the answer "no".
      if (request.headers.upgrade?.toLowerCase() === 'h2c') return readAgain(request, socket, head, server)
      socket.on('error', () => socket.destroy())
      onceSynced(() => handleUpgrade(options, request, socket, head))
    },
  }
}

const handleRequest = (options: RequestHandlerOptions, request: IncomingMessage, response: ServerResponse): void => {
  const decision = decide(options, request)
  if (decision.kind === 'answer') return answerText(response, decision.status, decision.text, decision.location ? { Location: decision.location } : {})
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
  const { route, targets, path, headers } = decision
  const exchange = { request, response, targets, path, headers, protocol: route.settings.backendProtocol, onFailure: logFailure(options, route) }
  if (request.headers['transfer-encoding'] === undefined) forward(options.agent, exchange)
  else forwardStreaming({ ...exchange, lookup: options.lookup })
}

const handleUpgrade = (options: RequestHandlerOptions, request: IncomingMessage, socket: Duplex, head: Buffer): void => {
  const decision = decide(options, request)
  if (decision.kind === 'answer')
    return refuseUpgrade(socket, decision.status, decision.reason, decision.location ? ['Location', decision.location] : [], decision.text)
  const { route, targets, path, headers } = decision
  const { lookup } = options
  forwardUpgrade({ request, socket, head, targets, path, headers, lookup, protocol: route.settings.backendProtocol, onFailure: logFailure(options, route) })
}

const logFailure =
  ({ log }: RequestHandlerOptions, route: RouteMatch) =>
  (error: Error, target: Target): void =>
    log.warn({ ingress: route.ingress, service: route.backend.service, target: `${target.host}:${target.port}`, error: error.message }, 'no endpoint answered')

const decide = (options: RequestHandlerOptions, request: IncomingMessage): Decision => {
  const routes = options.routes()
  const target = request.url ?? '/'
  const host = hostOf(request)
  const route = matchRoute(routes, host, target)
  if (!route) return { kind: 'answer', status: 404, reason: 'Not Found', text: 'default backend - 404' }
  const scheme = request.socket instanceof TLSSocket ? 'https' : 'http'
  if (scheme === 'http' && mustRedirect(routes, route, host)) return redirect(options, host, target)
  const targets = options.targetsOf(route)
  if (targets.length === 0) return { kind: 'answer', status: 503, reason: 'Service Temporarily Unavailable', text: '503 Service Temporarily Unavailable' }
  const requestId = (request.headers['x-request-id'] as string | undefined) ?? randomBytes(16).toString('hex')
  const headers = upstreamHeaders({ rawHeaders: request.rawHeaders, scheme, remoteAddress: clientAddress(request), requestId })
  return { kind: 'forward', route, targets, path: sentPath(route, target), headers }
}

const hostOf = (request: IncomingMessage): string => {
  const target = request.url ?? '/'
  return !target.startsWith('/') && URL.canParse(target) ? new URL(target).host : (request.headers.host ?? '')
}

const clientAddress = (request: IncomingMessage): string => (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')

const sentPath = (route: RouteMatch, target: string): string => {
  const path = target === '*' ? '/' : pathAndQuery(target)
  if (route.rewrittenPath === undefined) return path
  const query = path.indexOf('?')
  return route.rewrittenPath + (query < 0 ? '' : path.slice(query))
}

const mustRedirect = (routes: Routes, { settings }: RouteMatch, host: string): boolean => {
  // Names under localhost are the developer's own short way in.
  if (settings.redirectToHttps === 'never' || normalizeHost(host).endsWith('localhost')) return false
  return settings.redirectToHttps === 'always' || matchCertificate(routes, host) !== undefined
}

const redirect = (options: RequestHandlerOptions, host: string, target: string): Decision => {
  const hadPort = /:\d+$/.test(host)
  const port = hadPort ? options.httpsPort() : undefined
  const location = `https://${host.replace(/:\d+$/, '')}${port && port !== 443 ? `:${port}` : ''}${pathAndQuery(target)}`
  return { kind: 'answer', status: 308, reason: 'Permanent Redirect', text: '', location }
}

const readAgain = (request: IncomingMessage, socket: Duplex, head: Buffer, server: Server): void => {
  socket.unshift(Buffer.concat([Buffer.from(plainHead(request), 'latin1'), head]))
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
}
