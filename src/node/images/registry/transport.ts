import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Agent as HttpAgent } from 'undici'
import { proxyFor, type ProxySettings } from './proxy-settings.ts'
import type { Endpoint } from './registries.ts'

/** Opens a TCP connection; where this process has no way out, through one that has. */
export type Dial = (target: { readonly host: string; readonly port: number }) => Promise<Duplex>

export const dialDirectly: Dial = ({ host, port }) =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, autoSelectFamily: true })
    socket.once('error', reject)
    socket.once('connect', () => (socket.removeListener('error', reject), resolve(socket)))
  })

const connectTimeoutMs = 15_000

/**
 * A pool of connections with the TLS settings of an endpoint. Registries without TLS are never asked through a proxy.
 * The HTTP client is loaded by the first of them: most agents never pull.
 */
export async function createAgent(options: { dial: Dial; proxy: ProxySettings; tls: Endpoint['tls'] }): Promise<HttpAgent> {
  const { Agent } = await import('./http-client.ts')
  const { ca_file, cert_file, key_file, insecure_skip_verify } = options.tls
  const tls = {
    ...(ca_file ? { ca: readFileSync(ca_file) } : {}),
    ...(cert_file ? { cert: readFileSync(cert_file) } : {}),
    ...(key_file ? { key: readFileSync(key_file) } : {}),
    rejectUnauthorized: !insecure_skip_verify,
  }
  const open = async ({ hostname, port, protocol }: { hostname: string; port: string; protocol: string }) => {
    const isSecure = protocol === 'https:'
    // Names below localhost are this machine's (RFC 6761, 6.3), whatever its resolver knows.
    const target = { host: hostname.replace(/^\[|\]$/g, '').replace(/^.+\.localhost$/, 'localhost'), port: Number(port) || (isSecure ? 443 : 80) }
    const proxy = isSecure ? proxyFor(target.host, options.proxy) : undefined
    const socket = proxy ? await throughProxy(options.dial, proxy, target) : await options.dial(target)
    if (!isSecure) return socket
    return new Promise<Duplex>((resolve, reject) => {
      const secure = connectTls({ ...tls, socket, ...(/^[\d.:]+$/.test(target.host) ? {} : { servername: target.host }), ALPNProtocols: ['http/1.1'] })
      secure.once('error', reject)
      secure.once('secureConnect', () => (secure.removeListener('error', reject), resolve(secure)))
    })
  }
  return new Agent({
    connections: 6,
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
    keepAliveTimeout: 1_000,
    connect: (target, done) => {
      void withTimeout(open(target as { hostname: string; port: string; protocol: string })).then(
        (socket) => done(null, socket as never),
        (error: Error) => done(error, null),
      )
    },
  })
}

function withTimeout(opening: Promise<Duplex>): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      opening.then((socket) => socket.destroy()).catch(() => undefined)
      reject(Object.assign(new Error('i/o timeout'), { code: 'ETIMEDOUT' }))
    }, connectTimeoutMs)
    opening.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

async function throughProxy(dial: Dial, proxy: URL, target: { host: string; port: number }): Promise<Duplex> {
  const socket = await dial({ host: proxy.hostname, port: Number(proxy.port) || 80 })
  const peer = `${target.host}:${target.port}`
  const basic = proxy.username
    ? `Proxy-Authorization: Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString('base64')}\r\n`
    : ''
  socket.write(`CONNECT ${peer} HTTP/1.1\r\nHost: ${peer}\r\n${basic}\r\n`)
  const status = await readHead(socket)
  if (/^HTTP\/1\.[01] 2\d\d/.test(status)) return socket
  socket.destroy()
  throw new Error(`proxyconnect tcp: the proxy ${proxy.host} answered ${status.split(' ').slice(1).join(' ')}`)
}

/** The first line of an answer, with its headers read away. */
function readHead(socket: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const finish = (act: () => void) => {
      socket.removeListener('readable', read).removeListener('error', reject).removeListener('close', closed)
      act()
    }
    const closed = () => finish(() => reject(new Error('proxyconnect tcp: EOF')))
    const read = () => {
      for (let byte = socket.read(1) as Buffer | null; byte; byte = socket.read(1) as Buffer | null) {
        head = Buffer.concat([head, byte])
        if (head.toString('latin1').endsWith('\r\n\r\n')) return finish(() => resolve(head.toString('latin1').split('\r\n')[0]!))
      }
    }
    socket.on('readable', read).once('error', reject).once('close', closed)
  })
}
