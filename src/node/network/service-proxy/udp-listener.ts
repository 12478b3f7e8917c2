import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { ProxyEndpoint } from './bindings.ts'
import { EndpointChoice } from './endpoint-choice.ts'
import { keepBinding, type Listener, type ListenerOptions } from './listener.ts'

// As the kernel's connection tracking has it for UDP that is not a stream.
const idleMs = 30_000
const sessionLimit = 4_096

interface Session {
  readonly endpoint: ProxyEndpoint
  readonly backend: Socket
  usedMs: number
}

/** Answers datagrams: each client address and port keeps one endpoint until it has been silent for a while. */
export const listenUdp = (options: ListenerOptions): Listener => {
  const proxy = new UdpProxy(options)
  const end = () => proxy.close()
  options.signal.addEventListener('abort', end, { once: true })
  return {
    update: (binding) => proxy.update(binding),
    close() {
      options.signal.removeEventListener('abort', end)
      proxy.close()
    },
  }
}

class UdpProxy implements Listener {
  readonly #options
  readonly #choice
  readonly #sessions = new Map<string, Session>()
  readonly #cancelBinding
  #socket: Socket | undefined
  #cancelSweep = () => {}

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#choice = new EndpointChoice(options.binding, options.nodeOfClient)
    this.#cancelBinding = keepBinding({ ...options, bind: (failed) => this.#bind(failed) })
  }

  /** Sessions of endpoints that are gone end, or their clients would talk to nobody until they fall silent. */
  update(binding: ListenerOptions['binding']): void {
    this.#choice.update(binding)
    for (const [client, session] of this.#sessions) if (!this.#choice.has(session.endpoint)) this.#end(client)
  }

  close(): void {
    this.#cancelBinding()
    this.#cancelSweep()
    for (const client of [...this.#sessions.keys()]) this.#end(client)
    this.#socket?.close()
    this.#socket = undefined
  }

  #bind(failed: (error: Error) => void): void {
    const socket = createSocket({ type: 'udp4' })
    socket.once('error', (error) => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      socket.close()
      failed(error)
    })
    socket.on('message', (message, client) => this.#receive(message, client))
    this.#socket = socket
    socket.bind({ address: this.#options.binding.address, port: this.#options.binding.port, exclusive: true })
  }

  #receive(message: Buffer, client: RemoteInfo): void {
    const name = `${client.address}:${client.port}`
    const session = this.#sessions.get(name) ?? this.#begin(name, client)
    if (!session) return
    session.usedMs = this.#options.clock.monotonic()
    session.backend.send(message, session.endpoint.port, session.endpoint.ip, () => {})
  }

  #begin(name: string, client: RemoteInfo): Session | undefined {
    const nowMs = this.#options.clock.monotonic()
    const [endpoint] = this.#choice.order(client.address, nowMs)
    if (!endpoint) return undefined
    const oldest = this.#sessions.keys().next().value
    if (this.#sessions.size >= sessionLimit && oldest !== undefined) this.#end(oldest)
    const backend = createSocket('udp4')
    const session: Session = { endpoint, backend, usedMs: nowMs }
    backend.on('error', () => this.#end(name))
    backend.on('message', (reply, from) => {
      if (from.address !== endpoint.ip || from.port !== endpoint.port) return
      session.usedMs = this.#options.clock.monotonic()
      this.#socket?.send(reply, client.port, client.address, () => {})
    })
    this.#sessions.set(name, session)
    this.#choice.served(client.address, endpoint, nowMs)
    if (this.#sessions.size === 1) this.#sweepLater()
    return session
  }

  #end(name: string): void {
    const session = this.#sessions.get(name)
    if (!session) return
    this.#sessions.delete(name)
    session.backend.close()
  }

  #sweepLater(): void {
    this.#cancelSweep()
    this.#cancelSweep = this.#options.clock.after(idleMs, () => {
      const oldest = this.#options.clock.monotonic() - idleMs
      for (const [name, session] of this.#sessions) if (session.usedMs <= oldest) this.#end(name)
      if (this.#sessions.size > 0) this.#sweepLater()
    })
  }
}
