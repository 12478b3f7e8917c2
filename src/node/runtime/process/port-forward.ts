import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { Duplex } from 'node:stream'
import { toolEnvironment } from './host-tools.ts'

export interface PortOptions {
  /** The Pod's address, as this process reaches it. */
  readonly ip: string
  readonly port: number
  /** Holds the sandbox's network namespace. */
  readonly holderPid: number
}

/**
 * A connection to a port of a Pod. A server that listens on the Pod's loopback only is reached from within its network namespace, as
 * upstream reaches every port: by a small process per connection, since a socket belongs to the namespace of who opens it.
 */
export async function connectToPort(options: PortOptions): Promise<Duplex> {
  try {
    return await dial(options.ip, options.port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
    return dialInside(options)
  }
}

/** Go's words for what the system says. */
const dialErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'i/o timeout',
}

class DialError extends Error {
  override readonly name = 'DialError'
  readonly code: string

  constructor(code: string, address: string) {
    super(`dial tcp4 ${address}: connect: ${dialErrors[code] ?? code}`)
    this.code = code
  }
}

const dial = (host: string, port: number): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true })
    const refuse = (error: NodeJS.ErrnoException) => reject(new DialError(error.code ?? error.message, `${host}:${port}`))
    socket.once('error', refuse).once('connect', () => resolve(socket.off('error', refuse)))
  })

const loopback = '127.0.0.1'

/** Says on standard error how it went, `+` or the error's code, then copies both ways. */
const relay = `
const socket = require('node:net').connect({ host: '${loopback}', port: Number(process.argv[1]), allowHalfOpen: true })
const refuse = ({ code }) => { process.stderr.write(code); process.exitCode = 1; process.stdin.destroy() }
socket.once('error', refuse).once('connect', () => {
  socket.off('error', refuse).on('error', () => process.exit(1))
  process.stderr.write('+')
  process.stdin.pipe(socket)
  socket.pipe(process.stdout)
})
`

const dialInside = ({ port, holderPid }: PortOptions): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const child = spawn('nsenter', [`--net=/proc/${holderPid}/ns/net`, process.execPath, '-e', relay, String(port)], {
      cwd: '/',
      env: toolEnvironment,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child.once('error', reject)
    child.once('exit', () => reject(new DialError('ECONNRESET', `${loopback}:${port}`)))
    child.stdin.on('error', () => {})
    child.stderr.once('data', (said: Buffer) => {
      if (said[0] !== '+'.charCodeAt(0)) return reject(new DialError(said.toString().trim(), `${loopback}:${port}`))
      const stream = Duplex.from({ writable: child.stdin, readable: child.stdout })
      resolve(stream.once('close', () => child.kill('SIGKILL')))
    })
  })
