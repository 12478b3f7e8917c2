import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'

interface GatewayChildOptions {
  /** The command that runs the platform role; file descriptors 3 and 4 are its listening sockets for HTTP and HTTPS. */
  readonly command: readonly string[]
  readonly httpPort: number
  readonly httpsPort: number
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Runs the platform role and restarts it. Its sockets are opened here, on the host's loopback, and inherited: a socket
 * belongs to the network namespace it was made in, so the gateway answers on the host while it lives in the profile's.
 */
export async function runGatewayChild(options: GatewayChildOptions): Promise<void> {
  const { clock, log, signal } = options
  const [file = '', ...args] = options.command
  let waitMs = 200
  while (!signal.aborted) {
    const startedMs = clock.monotonic()
    const servers = await Promise.all([listen(options.httpPort), listen(options.httpsPort)])
    const descriptors = servers.map((server) => (server as unknown as { _handle: { fd: number } })._handle.fd)
    const child = spawn(file, args, { stdio: ['pipe', 'inherit', 'inherit', ...descriptors], signal, killSignal: 'SIGTERM' })
    // Only the child may accept: this process gives its own ends up as soon as the child has inherited them.
    for (const server of servers) server.close()
    const code = await new Promise((resolve) => child.once('exit', resolve).once('error', resolve))
    if (signal.aborted) break
    log.warn({ code }, 'the platform process ended; starting it again')
    waitMs = clock.monotonic() - startedMs > 10_000 ? 200 : Math.min(waitMs * 2, 5000)
    await clock.sleep(waitMs, signal).catch(() => undefined)
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', backlog: 511 }, () => resolve(server))
  })
}
