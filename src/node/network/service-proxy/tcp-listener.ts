import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../../base/lib/clock.ts'
import type { ProxyEndpoint } from './bindings.ts'
import { EndpointChoice } from './endpoint-choice.ts'
import { keepBinding, type Listener, type ListenerOptions } from './listener.ts'

const connectTimeoutMs = 5_000

/** Accepts on the binding's address and joins each connection to an endpoint, byte for byte, with half-close and backpressure. */
export const listenTcp = (options: ListenerOptions): Listener => {
  const { binding, clock, signal } = options
  const choice = new EndpointChoice(binding, options.nodeOfClient)
  const open = new Set<Socket>()
  const accept = (client: Socket) => void serve({ client, choice, clock, open })
  let server: Server | undefined
  const bind = (failed: (error: Error) => void) => {
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept)
    server.once('error', failed)
    server.listen({ host: binding.address, port: binding.port, backlog: 1024 })
  }
  const cancel = keepBinding({ ...options, bind })
  const close = () => {
    cancel()
    // Called back when the last connection has ended, also for a server that never listened.
    server?.close(() => signal.removeEventListener('abort', end))
  }
  const end = () => {
    close()
    for (const socket of open) socket.resetAndDestroy()
  }
  signal.addEventListener('abort', end, { once: true })
  return { update: (next) => choice.update(next), close }
}

interface Serving {
  readonly client: Socket
  readonly choice: EndpointChoice
  readonly clock: Clock
  readonly open: Set<Socket>
}

const serve = async ({ client, choice, clock, open }: Serving): Promise<void> => {
  track(client, open)
  const clientIp = client.remoteAddress ?? ''
  for (const endpoint of choice.order(clientIp, clock.monotonic())) {
    const backend = await dial(endpoint, clock)
    if (!backend) continue
    if (client.destroyed) return void backend.destroy()
    track(backend, open)
    choice.served(clientIp, endpoint, clock.monotonic())
    return join(client, backend)
  }
  client.resetAndDestroy()
}

const track = (socket: Socket, open: Set<Socket>): void => {
  open.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => open.delete(socket))
}

const dial = (endpoint: ProxyEndpoint, clock: Clock): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true, noDelay: true })
    const giveUp = () => (cancel(), socket.destroy(), resolve(undefined))
    const cancel = clock.after(connectTimeoutMs, giveUp)
    socket.once('error', giveUp)
    socket.once('connect', () => (cancel(), socket.off('error', giveUp), resolve(socket)))
  })

/** A reset on one side is a reset on the other; an end is an end of that direction only. */
const join = (client: Socket, backend: Socket): void => {
  for (const [from, to] of [
    [client, backend],
    [backend, client],
  ] as const) {
    from.pipe(to)
    from.once('error', () => to.resetAndDestroy())
    from.once('close', () => to.destroyed || to.destroySoon())
  }
}
