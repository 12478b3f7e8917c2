import { spawn } from 'node:child_process'
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'

interface GatewayChildOptions {
  /** The command that runs the platform role; file descriptors 3 and 4 are its listening sockets for HTTP and HTTPS. */
  readonly command: readonly string[]
  /** Gets what it writes; its pid stands in `pidFile` while it runs. */
  readonly logFile: string
  readonly pidFile: string
  readonly httpPort: number
  readonly httpsPort: number
  /** The platform role starts when it resolves; never, if the signal aborts first. */
  readonly needed: Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Runs the platform role and restarts it. Its sockets are opened here, on the host's loopback, and inherited: a socket
 * belongs to the network namespace it was made in, so the gateway answers on the host while it lives in the profile's.
 * While no gateway runs the ports are held here: another cluster that starts meanwhile must not choose the same.
 */
export async function runGatewayChild(options: GatewayChildOptions): Promise<void> {
  const { clock, log, signal } = options
  const [file = '', ...args] = options.command
  const stopping = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  let waitMs = 200
  let held = await holdPorts(options, 404)
  await Promise.race([options.needed, stopping])
  while (!signal.aborted) {
    const startedMs = clock.monotonic()
    const descriptors = held.map((server) => (server as unknown as { _handle: { fd: number } })._handle.fd)
    const output = openSync(options.logFile, 'a', 0o600)
    const child = spawn(file, args, { stdio: ['pipe', output, output, ...descriptors], signal, killSignal: 'SIGTERM' })
    closeSync(output)
    if (child.pid !== undefined) writeFileSync(options.pidFile, String(child.pid))
    // Only the child may accept: this process gives its own ends up as soon as the child has inherited them.
    release(held)
    const code = await new Promise((resolve) => child.once('exit', resolve).once('error', resolve))
    rmSync(options.pidFile, { force: true })
    if (signal.aborted) return
    log.warn({ code }, 'the platform process ended; starting it again')
    held = await holdPorts(options, 503)
    waitMs = clock.monotonic() - startedMs > 10_000 ? 200 : Math.min(waitMs * 2, 5000)
    await clock.sleep(waitMs, signal).catch(() => undefined)
  }
  release(held)
}

/** Listens on both ports and answers every request with `status`. Waits for as long as somebody else has one of them. */
async function holdPorts({ httpPort, httpsPort, clock, log, signal }: GatewayChildOptions, status: 404 | 503): Promise<Server[]> {
  const held: Server[] = []
  for (const port of [httpPort, httpsPort]) {
    for (let isWarned = false; !signal.aborted; isWarned = true) {
      const server = await listen(port, status).catch((error: Error) => {
        if (!isWarned) log.error({ port, error: error.message }, 'the gateway waits for its port: something else listens there')
      })
      if (server) {
        held.push(server)
        break
      }
      await clock.sleep(1000, signal).catch(() => undefined)
    }
  }
  return held
}

function listen(port: number, status: 404 | 503): Promise<Server> {
  const text = status === 404 ? 'default backend - 404' : '503 Service Temporarily Unavailable'
  return new Promise((resolve, reject) => {
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' }).end(text)
    })
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', backlog: 511 }, () => resolve(server))
  })
}

function release(servers: readonly Server[]): void {
  for (const server of servers) {
    server.close()
    server.closeIdleConnections()
  }
}
