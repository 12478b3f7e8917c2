import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EndpointSlice, Service } from '../../../base/api/generated/types.ts'
import type { Client } from '../../../base/client/client.ts'
import { createObjectCache } from '../../../base/client/object-cache.ts'
import { systemClock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'
import type { Binding } from './bindings.ts'
import { startServiceProxy } from './service-proxy.ts'
import type { ServiceProxy } from './service-proxy-contract.ts'
import { createUserspaceProxy } from './userspace-proxy.ts'

let control: AbortController
let proxy: ServiceProxy
const servers: Server[] = []

beforeEach(() => {
  control = new AbortController()
  proxy = createUserspaceProxy({ clock: systemClock, log: silentLog, signal: control.signal })
})
afterEach(() => {
  control.abort()
  for (const server of servers.splice(0)) server.close()
})

const backend = async (handler: (socket: Socket) => void): Promise<number> => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    handler(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A port that nobody listens on now. */
const freePort = async (): Promise<number> => {
  const port = await backend(() => {})
  await new Promise((resolve) => servers.pop()!.close(resolve))
  return port
}

const binding = (port: number, backends: readonly number[], protocol: 'TCP' | 'UDP' = 'TCP'): Binding => ({
  address: '127.0.0.1',
  port,
  protocol,
  servicePort: 'a/b:http',
  affinitySeconds: 0,
  whenEmpty: 'refuse',
  endpoints: backends.map((each) => ({ ip: '127.0.0.1', port: each, node: 'n1' })),
})

/** Reads to the other side's end. (`stream/consumers` would destroy the socket, and with it the way back.) */
const text = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.once('end', () => resolve(Buffer.concat(chunks).toString()))
    socket.once('error', reject)
  })

const ask = async (port: number, question = 'ping'): Promise<string> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const answer = text(socket)
  socket.end(question)
  return answer
}

const echo = (name: string) => async (socket: Socket) => void socket.end(`${name}:${await text(socket)}`)

describe('userspace proxy', () => {
  it('forwards both directions, with half-close, in turn, past an endpoint that refuses', async () => {
    const [a, b, dead, port] = [await backend(echo('a')), await backend(echo('b')), await freePort(), await freePort()]
    proxy.apply(new Map([['a/b', [binding(port, [a, dead, b])]]]))
    expect([await ask(port), await ask(port), await ask(port)].sort()).toEqual(['a:ping', 'b:ping', 'b:ping'])
    const large = 'x'.repeat(3_000_000)
    expect((await ask(port, large)).length).toBe(large.length + 2)
  })

  it('resets when no endpoint answers and refuses when nothing is bound', async () => {
    const [dead, port] = [await freePort(), await freePort()]
    proxy.apply(new Map([['a/b', [binding(port, [dead])]]]))
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
    proxy.apply(new Map([['a/b', []]]))
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('lets open connections live when endpoints change or go, and hands an address to the next claimant', async () => {
    const [a, b, port] = [await backend((socket) => socket.pipe(socket)), await backend(echo('b')), await freePort()]
    proxy.apply(new Map([['a/b', [binding(port, [a])]]]))
    const open = connect(port, '127.0.0.1')
    open.write('one')
    expect(String((await once(open, 'data'))[0])).toBe('one')
    proxy.apply(new Map([['a/other', [binding(port, [b])]]]))
    proxy.apply(new Map([['a/b', []]]))
    expect(await ask(port)).toBe('b:ping')
    open.write('two')
    expect(String((await once(open, 'data'))[0])).toBe('two')
    open.destroy()
  })

  it('answers datagrams from the address they were sent to', async () => {
    const server = createSocket('udp4')
    server.on('message', (message, from) => server.send(`re:${message}`, from.port, from.address))
    server.bind(0, '127.0.0.1')
    await once(server, 'listening')
    const port = await freePort()
    proxy.apply(new Map([['a/b', [binding(port, [server.address().port], 'UDP')]]]))
    const client = createSocket('udp4')
    const reply = once(client, 'message')
    const resend = setInterval(() => client.send('hi', port, '127.0.0.1'), 20)
    const [message, from] = await reply
    clearInterval(resend)
    expect([String(message), from.port]).toEqual(['re:hi', port])
    client.close()
    server.close()
  })
})

describe('startServiceProxy', () => {
  it('binds when endpoints come and unbinds when the Service goes', async () => {
    const [services, slices] = [createObjectCache<Service>(), createObjectCache<EndpointSlice>()]
    const applied: [string, number][] = []
    const recorder: ServiceProxy = {
      name: 'userspace',
      apply: (changes) => changes.forEach((bindings, key) => applied.push([key, bindings.flatMap(({ endpoints }) => endpoints).length])),
      settled: () => Promise.resolve(),
    }
    const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const synced = Promise.resolve()
    const running = startServiceProxy({
      client: {} as Client,
      nodes: () => [],
      clock: systemClock,
      log: silentLog,
      signal: control.signal,
      proxy: recorder,
      services: { ...services, synced },
      endpointSlices: { ...slices, synced },
    })
    await running.synced
    const meta = { name: 'web', namespace: 'shop', uid: '1', resourceVersion: '1' }
    services.set({ metadata: meta, spec: { clusterIP: '10.96.0.9', ports: [{ port: 80 }] } } as unknown as Service)
    await settled()
    slices.set({
      metadata: { ...meta, name: 'web-x', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: [{ addresses: ['10.244.0.2'], conditions: { ready: true } }],
    } as unknown as EndpointSlice)
    await settled()
    services.remove('shop/web')
    await settled()
    expect(applied).toEqual([
      ['shop/web', 0],
      ['shop/web', 1],
      ['shop/web', 0],
    ])
  })
})
