import { createSocket } from 'node:dgram'
import { readFileSync, rmSync } from 'node:fs'
import { createConnection, createServer, isIP, type Socket } from 'node:net'

const timeoutMs = 3000

/** The machine's own resolvers (resolv.conf(5)). */
export function hostResolvers(file = '/etc/resolv.conf'): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []).filter((address) => isIP(address) !== 0)
  } catch {
    return []
  }
}

/**
 * Answers DNS messages on a unix socket, framed by two length bytes (RFC 1035, 4.2.2), by asking the machine's resolvers.
 * The cluster's DNS runs in the profile's network namespace, from where a resolver at 127.0.0.53 is out of reach.
 */
export async function serveHostDns(options: { socketPath: string; signal: AbortSignal; resolvers?: () => readonly string[] }): Promise<void> {
  const resolvers = options.resolvers ?? hostResolvers
  rmSync(options.socketPath, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    onFrame(socket, async (query) => {
      const answer = await ask(query, resolvers())
      if (answer && !socket.destroyed) socket.end(frame(answer))
      else socket.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.socketPath, resolve))
  options.signal.addEventListener('abort', () => server.close(), { once: true })
}

/** Asks through that socket: the answer message, or an error after three seconds. */
export function askHostDns(socketPath: string, query: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath, () => socket.write(frame(query)))
    socket.setTimeout(timeoutMs + 500, () => socket.destroy(new Error("the machine's resolvers did not answer")))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error("the machine's resolvers did not answer")))
    onFrame(socket, (answer) => {
      resolve(answer)
      socket.destroy()
    })
  })
}

async function ask(query: Uint8Array, resolvers: readonly string[]): Promise<Buffer | undefined> {
  for (const resolver of resolvers) {
    const answer = await askOne(query, resolver)
    if (answer) return answer
  }
  return undefined
}

function askOne(query: Uint8Array, resolver: string): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(resolver) === 6 ? 'udp6' : 'udp4')
    const finish = (answer?: Buffer) => {
      clearTimeout(timer)
      socket.close()
      resolve(answer)
    }
    const timer = setTimeout(finish, timeoutMs)
    socket.once('message', finish)
    socket.once('error', () => finish())
    socket.send(query, 53, resolver, (error) => error && finish())
  })
}

const frame = (message: Uint8Array) => Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message])

function onFrame(socket: Socket, handle: (message: Buffer) => unknown): void {
  let pending = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk])
    if (pending.length < 2) return
    const length = pending.readUInt16BE(0)
    if (pending.length >= length + 2) void handle(pending.subarray(2, length + 2))
  })
}
