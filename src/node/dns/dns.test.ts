import { decode, encode, type DecodedPacket } from 'dns-packet'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EndpointSlice, Service } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import { createObjectCache } from '../../base/client/object-cache.ts'
import { FakeClock, systemClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { startDns } from './dns.ts'
import { forwardTo, type Forwarder } from './forward.ts'

let control: AbortController
beforeEach(() => void (control = new AbortController()))
afterEach(() => control.abort())

const meta = (name: string) => ({ name, namespace: 'shop', uid: name, resourceVersion: '1' })
const slicesOf = (count: number): EndpointSlice =>
  ({
    metadata: { ...meta('many-1'), labels: { 'kubernetes.io/service-name': 'many' } },
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: Array.from({ length: count }, (_, index) => ({ addresses: [`10.244.${index >> 8}.${index & 255}`], conditions: {} })),
  }) as unknown as EndpointSlice

const start = async (upstream: Forwarder, options: { clock?: FakeClock; synced?: Promise<void> } = {}): Promise<number> => {
  const [services, slices] = [createObjectCache<Service>(), createObjectCache<EndpointSlice>()]
  services.set({ metadata: meta('web'), spec: { clusterIP: '10.96.0.20', ports: [{ port: 80 }] } } as unknown as Service)
  services.set({ metadata: meta('many'), spec: { clusterIP: 'None' } } as unknown as Service)
  services.set({ metadata: meta('out'), spec: { type: 'ExternalName', externalName: 'example.org' } } as unknown as Service)
  slices.set(slicesOf(200))
  const synced = options.synced ?? Promise.resolve()
  const dns = startDns({
    client: {} as Client,
    address: '127.0.0.1',
    port: 0,
    upstream,
    clock: options.clock ?? systemClock,
    log: silentLog,
    signal: control.signal,
    services: { ...services, synced },
    endpointSlices: { ...slices, synced },
  })
  if (!options.synced) await dns.synced
  return dns.listening
}

const question = (name: string, options: { type?: 'A' | 'SRV'; payload?: number } = {}) =>
  encode({
    type: 'query',
    id: 7,
    flags: 0x0100,
    questions: [{ type: options.type ?? 'A', name }],
    ...(options.payload
      ? { additionals: [{ type: 'OPT', name: '.', udpPayloadSize: options.payload, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }] }
      : {}),
  })

const askUdp = async (port: number, message: Buffer): Promise<DecodedPacket & { rcode?: string }> => {
  const socket = createSocket('udp4')
  socket.send(message, port, '127.0.0.1')
  const [reply] = (await once(socket, 'message')) as [Buffer]
  socket.close()
  return decode(reply)
}

const askTcp = async (port: number, message: Buffer): Promise<DecodedPacket> => {
  const socket = connect(port, '127.0.0.1')
  socket.write(Buffer.from([message.length >> 8]))
  socket.write(Buffer.concat([Buffer.from([message.length & 255]), message]))
  let received = Buffer.alloc(0)
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer])
    if (received.length >= 2 + received.readUInt16BE(0)) break
  }
  return decode(received.subarray(2))
}

const example: Forwarder = async (query) => {
  const { id, questions } = decode(query)
  return encode({ type: 'response', id: id ?? 0, questions: questions ?? [], answers: [{ type: 'A', name: 'example.org', ttl: 60, data: '192.0.2.80' }] })
}
const never: Forwarder = () => new Promise(() => {})

describe('DNS server', () => {
  it('answers by UDP and TCP, authoritatively for its own names', async () => {
    const port = await start(example)
    for (const ask of [askUdp, askTcp]) {
      const reply = await ask(port, question('web.shop.svc.cluster.local'))
      expect(reply).toMatchObject({ id: 7, flag_aa: true, flag_ra: true, flag_rd: true, answers: [{ type: 'A', data: '10.96.0.20', ttl: 5 }] })
    }
    expect(await askUdp(port, question('no.shop.svc.cluster.local'))).toMatchObject({ rcode: 'NXDOMAIN', answers: [], authorities: [{ type: 'SOA' }] })
  })

  it('cuts what does not fit, tells so, and gives the whole by TCP', async () => {
    const port = await start(example)
    expect(await askUdp(port, question('many.shop.svc.cluster.local'))).toMatchObject({ flag_tc: true, answers: [] })
    const wide = await askUdp(port, question('many.shop.svc.cluster.local', { payload: 4096 }))
    expect(wide.flag_tc).toBe(true)
    expect((await askTcp(port, question('many.shop.svc.cluster.local'))).answers).toHaveLength(200)
    expect((await askUdp(port, question('web.shop.svc.cluster.local', { payload: 1232 }))).additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }])
  })

  it('asks upstream for other names and follows an ExternalName there', async () => {
    const port = await start(example)
    expect(await askUdp(port, question('example.org'))).toMatchObject({ id: 7, answers: [{ data: '192.0.2.80' }] })
    expect((await askUdp(port, question('out.shop.svc.cluster.local'))).answers).toMatchObject([
      { type: 'CNAME', data: 'example.org' },
      { type: 'A', data: '192.0.2.80' },
    ])
  })

  it('answers SERVFAIL when upstream is silent or broken, and while the cluster is not known', async () => {
    const clock = new FakeClock()
    const port = await start(never, { clock })
    const silent = askUdp(port, question('example.org'))
    const advance = setInterval(() => void clock.advance(5_000), 10)
    expect((await silent).rcode).toBe('SERVFAIL')
    clearInterval(advance)
    const broken = await start(() => Promise.reject(new Error('no')), { synced: new Promise(() => {}) })
    expect((await askUdp(broken, question('example.org'))).rcode).toBe('SERVFAIL')
    expect((await askUdp(broken, question('web.shop.svc.cluster.local'))).rcode).toBe('SERVFAIL')
  })

  it('answers noise with FORMERR and goes on', async () => {
    const port = await start(example)
    const garbage = Buffer.from('0007010000010000000000003fffffff', 'hex')
    expect((await askUdp(port, garbage)).rcode).toBe('FORMERR')
    expect((await askUdp(port, question('web.shop.svc.cluster.local'))).answers).toHaveLength(1)
  })

  it('forwards from one DNS server to another, by TCP where the answer is long', async () => {
    const target = await start(example)
    const upstream = forwardTo({ servers: () => ['127.0.0.1:1', `127.0.0.1:${target}`], clock: systemClock, timeoutMs: 500 })
    const reply = decode(await upstream(question('many.shop.svc.cluster.local'), { signal: control.signal }))
    expect(reply.answers).toHaveLength(200)
    await expect(forwardTo({ servers: () => [], clock: systemClock })(question('x'), { signal: control.signal })).rejects.toThrow(
      'there is no upstream DNS server',
    )
  })
})
