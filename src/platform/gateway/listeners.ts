import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import type { Clock } from '../../base/lib/clock.ts'
import type { Certificate } from './certificates.ts'

/** A place to listen at: a listening socket that was handed over, or an address (port 0: any free one). */
export type ListenTarget = { readonly fd: number } | { readonly host?: string; readonly port: number }

export interface GatewayHandlers {
  readonly onRequest: RequestListener
  readonly onUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer, server: Server) => void
}

export interface ListenersOptions {
  readonly http: readonly ListenTarget[]
  readonly https: readonly ListenTarget[]
  readonly handlers: GatewayHandlers
  readonly defaultCertificate: Certificate
  /** The certificate of a server name, if it has one of its own. */
  readonly contextOf: (serverName: string) => SecureContext | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface Listeners {
  readonly http: readonly AddressInfo[]
  readonly https: readonly AddressInfo[]
  /** Resolves after an abort, when the last connection has ended. */
  readonly closed: Promise<void>
}

/** Go clients keep idle connections for 90 s, browsers for longer: whoever closes first must not be the gateway. Uploads take as long as they take. */
const serverOptions: ServerOptions = { keepAliveTimeout: 180_000, requestTimeout: 0, headersTimeout: 60_000, maxHeaderSize: 65_536, noDelay: true }
const drainMs = 2_000

/** Opens all listeners, or none. On abort open requests get two seconds to end. */
export const startListeners = async (options: ListenersOptions): Promise<Listeners> => {
  const plain = options.http.map((target) => ({ target, server: prepare(createServer(serverOptions), options.handlers) }))
  const secure = options.https.map((target) => ({ target, server: prepare(tlsServer(options), options.handlers) }))
  const all = [...plain, ...secure]
  try {
    await Promise.all(all.map(({ server, target }) => listen(server, target)))
  } catch (error) {
    for (const { server } of all) server.close()
    throw error
  }
  const addresses = (list: typeof plain): AddressInfo[] => list.map(({ server }) => server.address() as AddressInfo)
  return {
    http: addresses(plain),
    https: addresses(secure),
    closed: closeOnAbort(
      all.map(({ server }) => server),
      options,
    ),
  }
}

/**
 * Node adds a Secret's certificate to the default one instead of replacing it, and the order of algorithms decides which of two
 * different types is shown. The default's own type, ECDSA, must come last.
 */
const signatureAlgorithms = [
  'ed25519:ed448:rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512:ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512',
].join(':')

const tlsServer = ({ defaultCertificate, contextOf }: ListenersOptions): Server =>
  createTlsServer({
    ...serverOptions,
    ...defaultCertificate,
    sigalgs: signatureAlgorithms,
    honorCipherOrder: true,
    ALPNProtocols: ['http/1.1'],
    SNICallback: (name, answer) => answer(null, contextOf(name)),
  })

const prepare = (server: Server, { onRequest, onUpgrade }: GatewayHandlers): Server => {
  server.on('request', onRequest)
  // The gateway says "100 Continue" itself, once it knows that somebody wants the body.
  server.on('checkContinue', onRequest)
  server.on('upgrade', (request, socket, head) => onUpgrade(request, socket, head, server))
  return server
}

const listen = (server: Server, target: ListenTarget): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(target, () => {
      server.off('error', reject)
      resolve()
    })
  })

const closeOnAbort = (servers: readonly Server[], { signal, clock }: ListenersOptions): Promise<void> => {
  const sockets = new Set<Duplex>()
  const track = (socket: Duplex): void => {
    if (sockets.has(socket)) return
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  for (const server of servers) server.on('connection', track)
  const close = async (): Promise<void> => {
    const closed = Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    for (const server of servers) server.closeIdleConnections()
    const cancel = clock.after(drainMs, () => sockets.forEach((socket) => socket.destroy()))
    await closed
    cancel()
  }
  return new Promise((resolve) => {
    const onAbort = (): void => void close().then(resolve)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
