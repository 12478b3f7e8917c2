import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import dnsPacket from 'dns-packet'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { endpointSlices, events, ingressClasses, ingresses, secrets, services } from '../../base/api/kinds.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { systemClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { createDefaultCertificate } from './default-certificate.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { ensureIngressObjects } from './ingress-objects.ts'

const stop = new AbortController()
const client = new FakeClient({ clock: systemClock })
const servers: Server[] = []
let gateway: Gateway
let nameServer: Socket

const serve = async (handler: RequestListener): Promise<{ server: Server; port: number }> => {
  const server = createServer(handler)
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** A Service of one port whose endpoints listen on ports of 127.0.0.1. */
const publish = async (name: string, ports: readonly number[]): Promise<void> => {
  await client.create(services, { metadata: { namespace: 'default', name }, spec: { clusterIP: '10.0.0.1', ports: [{ name: 'http', port: 80 }] } })
  for (const [i, port] of ports.entries()) {
    await client.create(endpointSlices, {
      metadata: { namespace: 'default', name: `${name}-${i}`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    })
  }
}

const expose = (
  name: string,
  host: string,
  service = name,
  extra: { annotations?: Record<string, string>; tls?: { hosts: string[]; secretName: string }[] } = {},
) =>
  client.create(ingresses, {
    metadata: { namespace: 'default', name, annotations: extra.annotations },
    spec: {
      ingressClassName: 'nginx',
      tls: extra.tls,
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } }] } }],
    },
  })

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

const ask = (host: string, options: RequestOptions & { body?: string | Buffer; tls?: boolean } = {}): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { body, tls, headers, ...rest } = options
    const port = (tls ? gateway.https : gateway.http)[0]!.port
    const request = (tls ? httpsRequest : httpRequest)({
      host: '127.0.0.1',
      port,
      headers: { host, ...(headers as object) },
      agent: false,
      rejectUnauthorized: false,
      servername: host,
      ...rest,
    })
    request.on('error', reject)
    request.on('response', async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve({ status: response.statusCode!, headers: response.headers, text })
    })
    request.end(body)
  })

const echo: RequestListener = (request, response) => {
  let size = 0
  request.on('data', (chunk: Buffer) => (size += chunk.length))
  request.on('end', () => {
    response.writeHead(200, ['X-Kept-Case', 'yes', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Connection', 'X-Hop', 'X-Hop', '1'])
    response.end(JSON.stringify({ method: request.method, url: request.url, size, headers: request.headers }))
  })
}

/** Knows one name: outer.example is 127.0.0.1. */
const startNameServer = async (): Promise<Socket> => {
  const socket = createSocket('udp4')
  socket.on('message', (message, { port, address }) => {
    const { id, questions = [] } = dnsPacket.decode(message)
    const answers = questions
      .filter(({ name, type }) => name === 'outer.example' && type === 'A')
      .map(({ name }) => ({ name, type: 'A' as const, ttl: 1, data: '127.0.0.1' }))
    socket.send(dnsPacket.encode({ type: 'response', id: id ?? 0, flags: dnsPacket.RECURSION_AVAILABLE, questions, answers }), port, address)
  })
  await once(socket.bind(0, '127.0.0.1'), 'listening')
  return socket
}

beforeAll(async () => {
  nameServer = await startNameServer()
  gateway = await startGateway({
    client,
    listeners: { http: [{ host: '127.0.0.1', port: 0 }], https: [{ host: '127.0.0.1', port: 0 }] },
    statusAddress: () => [{ ip: '192.0.2.7' }],
    identity: 'ingress-test',
    dnsServers: [`127.0.0.1:${nameServer.address().port}`],
    clock: systemClock,
    log: silentLog,
    signal: stop.signal,
  })
  await gateway.synced
})

afterAll(async () => {
  stop.abort()
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  await gateway.stopped
  nameServer.close()
})

const found = (host: string): Promise<void> => vi.waitFor(async () => expect((await ask(host)).status).not.toBe(404), { timeout: 5_000 })

describe('answers', () => {
  beforeAll(async () => {
    await publish('echo', [(await serve(echo)).port])
    await expose('echo', 'echo.test')
    await found('echo.test')
  })

  it('404 for hosts that nobody serves, and 503 without endpoints', async () => {
    await publish('empty', [])
    await expose('empty', 'empty.test')
    await found('empty.test')
    expect(await ask('nobody.test')).toMatchObject({ status: 404, text: 'default backend - 404' })
    expect(await ask('empty.test')).toMatchObject({ status: 503 })
  })

  it('the endpoint, under its host and under NAME.localhost, and tells it who asked', async () => {
    const answer = await ask('echo.test:8080', {
      path: '/a%20b?q=1',
      headers: { 'x-forwarded-for': '6.6.6.6', connection: 'x-secret', 'x-secret': '1', 'x-request-id': 'r1' },
    })
    const seen = JSON.parse(answer.text) as { url: string; headers: Record<string, string> }
    expect(seen.url).toBe('/a%20b?q=1')
    expect(seen.headers).toMatchObject({
      host: 'echo.test:8080',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'echo.test:8080',
      'x-forwarded-port': '8080',
      'x-forwarded-proto': 'http',
      'x-real-ip': '127.0.0.1',
      'x-request-id': 'r1',
      'x-original-forwarded-for': '6.6.6.6',
    })
    expect(seen.headers['x-secret']).toBeUndefined()
    expect(answer.headers).toMatchObject({ 'x-kept-case': 'yes', 'set-cookie': ['a=1', 'b=2'] })
    expect(answer.headers['x-hop']).toBeUndefined()
    expect((await ask('echo.localhost')).status).toBe(200)
    expect((await ask('echo.default.localhost:9999')).status).toBe(200)
  })

  it('HEAD without a body, and big bodies with and without a length', async () => {
    expect(await ask('echo.test', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
    const body = Buffer.alloc(3_000_000, 'x')
    const whole = await ask('echo.test', { method: 'POST', body, headers: { 'content-length': body.length } })
    expect(JSON.parse(whole.text)).toMatchObject({ size: body.length, headers: { 'content-length': `${body.length}` } })
    const chunked = await ask('echo.test', { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } })
    expect(JSON.parse(chunked.text)).toMatchObject({ size: body.length })
  })

  it('100 Continue before the body is sent', async () => {
    const request = httpRequest({
      host: '127.0.0.1',
      port: gateway.http[0]!.port,
      method: 'PUT',
      headers: { host: 'echo.test', expect: '100-continue', 'content-length': 5 },
    })
    request.flushHeaders()
    await once(request, 'continue')
    request.end('hello')
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    expect(JSON.parse((await response.toArray()).join(''))).toMatchObject({ method: 'PUT', size: 5 })
  })

  it('requests that offer h2c as ordinary ones', async () => {
    const socket = connect(gateway.http[0]!.port, '127.0.0.1')
    socket.write(
      'POST /h2c HTTP/1.1\r\nHost: echo.test\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nContent-Length: 4\r\n\r\nbody',
    )
    let text = ''
    socket.on('data', (chunk) => (text += chunk))
    await vi.waitFor(() => expect(text).toContain('"size":4'))
    expect(text).toMatch(/^HTTP\/1.1 200 OK/)
    socket.destroy()
  })
})

it('takes endpoints in turn and passes over one that is not there', async () => {
  const named =
    (name: string): RequestListener =>
    (_request, response) =>
      void response.end(name)
  const [a, b, gone] = [await serve(named('a')), await serve(named('b')), await serve(named('gone'))]
  gone.server.close()
  await once(gone.server, 'close')
  await publish('turns', [a.port, b.port, gone.port])
  await expose('turns', 'turns.test')
  await found('turns.test')
  const answers: Answer[] = []
  for (let i = 0; i < 12; i++) answers.push(await ask('turns.test', i % 2 ? { method: 'POST', body: 'x' } : {}))
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200))
  expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['a', 'b']))
})

it('finds ExternalName backends by DNS, and answers 502 for names that nobody knows', async () => {
  const { port } = await serve(echo)
  for (const [name, externalName] of [
    ['outer', 'outer.example'],
    ['unknown', 'unknown.example'],
  ] as const) {
    await client.create(services, { metadata: { namespace: 'default', name }, spec: { type: 'ExternalName', externalName } })
    const backend = { service: { name, port: { number: port } } }
    await client.create(ingresses, {
      metadata: { namespace: 'default', name },
      spec: { ingressClassName: 'nginx', defaultBackend: backend, rules: [{ host: `${name}.test` }] },
    })
  }
  await vi.waitFor(async () => expect((await ask('outer.test')).status).toBe(200))
  expect(JSON.parse((await ask('outer.test', { method: 'POST', body: 'x', headers: { 'transfer-encoding': 'chunked' } })).text)).toMatchObject({ size: 1 })
  await vi.waitFor(async () => expect((await ask('unknown.test')).status).toBe(502))
  for (const name of ['outer', 'unknown']) await client.delete(ingresses, { namespace: 'default', name })
})

it('answers 502 when the endpoint breaks off, and sends a POST only once', async () => {
  let count = 0
  const { port } = await serve((request) => {
    if (request.method === 'POST') count++
    request.socket.destroy()
  })
  await publish('broken', [port])
  await expose('broken', 'broken.test')
  await found('broken.test')
  expect((await ask('broken.test', { method: 'POST', body: 'x' })).status).toBe(502)
  expect(count).toBe(1)
})

it("streams as it comes, and ends the endpoint's request when the client goes away", async () => {
  const closed = vi.fn()
  const { port } = await serve((request, response) => {
    if (request.url !== '/stream') return void response.end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    request.on('data', (chunk: Buffer) => response.write(`data: ${chunk.toString()}\n\n`))
    response.on('close', closed)
  })
  await publish('stream', [port])
  await expose('stream', 'stream.test')
  await found('stream.test')
  const request = httpRequest({
    host: '127.0.0.1',
    port: gateway.http[0]!.port,
    path: '/stream',
    method: 'POST',
    headers: { host: 'stream.test' },
    agent: false,
  })
  request.on('error', () => undefined)
  request.flushHeaders()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  for (const word of ['one', 'two']) {
    request.write(word)
    const [chunk] = (await once(response, 'data')) as [Buffer]
    expect(chunk.toString()).toBe(`data: ${word}\n\n`)
  }
  expect(closed).not.toHaveBeenCalled()
  request.destroy()
  await vi.waitFor(() => expect(closed).toHaveBeenCalled())
})

it('answers a request whose body the endpoint does not want', async () => {
  const { port } = await serve((_request, response) => void response.writeHead(413, { connection: 'close' }).end('too big'))
  await publish('small', [port])
  await expose('small', 'small.test')
  await found('small.test')
  const request = httpRequest({ host: '127.0.0.1', port: gateway.http[0]!.port, method: 'POST', headers: { host: 'small.test' }, agent: false })
  request.on('error', () => undefined)
  request.write('x')
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(413)
  expect((await response.toArray()).join('')).toBe('too big')
  request.destroy()
})

it("passes WebSockets, and an endpoint's refusal to open one", async () => {
  const { server, port } = await serve((_request, response) => void response.writeHead(403).end('not here'))
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'chat' })
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/ws') return void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nnot here')
    sockets.handleUpgrade(request, socket, head, (ws) => ws.on('message', (data: Buffer) => ws.send(`${request.headers.host} ${data.toString()}`)))
  })
  await publish('ws', [port])
  await expose('ws', 'ws.test')
  await found('ws.test')
  const address = `ws://127.0.0.1:${gateway.http[0]!.port}`
  const ws = new WebSocket(`${address}/ws`, 'chat', { headers: { host: 'ws.test' } })
  await once(ws, 'open')
  expect(ws.protocol).toBe('chat')
  for (const word of ['hello', 'x'.repeat(200_000)]) {
    ws.send(word)
    const [data] = (await once(ws, 'message')) as [Buffer]
    expect(data.toString()).toBe(`ws.test ${word}`)
  }
  ws.close()
  await once(ws, 'close')
  const refused = new WebSocket(`${address}/other`, { headers: { host: 'ws.test' } })
  const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage]
  refused.on('error', () => undefined)
  expect(response.statusCode).toBe(403)
  refused.terminate()
})

it('shows the certificate of the host, follows its renewal, and redirects for the class nginx', async () => {
  const pair = await createDefaultCertificate(systemClock)
  const renewed = await createDefaultCertificate(systemClock)
  const data = ({ cert, key }: typeof pair) => ({ 'tls.crt': Buffer.from(cert).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') })
  await client.create(secrets, { metadata: { namespace: 'default', name: 'safe' }, type: 'kubernetes.io/tls', data: data(pair) })
  await publish('safe', [(await serve(echo)).port])
  await expose('safe', 'safe.test', 'safe', { tls: [{ hosts: ['safe.test'], secretName: 'safe' }] })
  await found('safe.test')
  expect(await shown('safe.test')).toBe(new X509Certificate(pair.cert).fingerprint256)
  expect(await shown('other.test')).not.toBe(new X509Certificate(pair.cert).fingerprint256)
  await client.patch(secrets, { namespace: 'default', name: 'safe' }, { data: data(renewed) }, { type: 'merge' })
  await vi.waitFor(async () => expect(await shown('safe.test')).toBe(new X509Certificate(renewed.cert).fingerprint256))
  const rsa = await rsaPair()
  await client.patch(secrets, { namespace: 'default', name: 'safe' }, { data: data(rsa) }, { type: 'merge' })
  await vi.waitFor(async () => expect(await shown('safe.test')).toBe(new X509Certificate(rsa.cert).fingerprint256))
  expect(JSON.parse((await ask('safe.test', { tls: true })).text)).toMatchObject({ headers: { 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' } })
  expect(await ask('safe.test', { path: '/x?y=1' })).toMatchObject({ status: 308, headers: { location: 'https://safe.test/x?y=1' } })
  expect((await ask('safe.localhost')).status).toBe(200)
})

/** Of another type than the default certificate, as `openssl req -newkey rsa` makes it. */
const rsaPair = async () => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const { X509CertificateGenerator } = await import('@peculiar/x509')
  const certificate = await X509CertificateGenerator.createSelfSigned({ name: 'CN=safe.test', signingAlgorithm: algorithm, keys })
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' })
  return { cert: certificate.toString('pem'), key: String(key) }
}

const shown = (host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port: gateway.https[0]!.port,
      servername: host,
      headers: { host },
      rejectUnauthorized: false,
      agent: false,
    })
    request.on('error', reject)
    request.on('response', (response) => {
      resolve((response.socket as TLSSocket).getPeerCertificate().fingerprint256)
      response.resume()
    })
    request.end()
  })

it('writes the address into the status once, and says Sync', async () => {
  await expose('told', 'told.test')
  const key = { namespace: 'default', name: 'told' }
  await vi.waitFor(async () => expect((await client.get(ingresses, key)).status.loadBalancer).toEqual({ ingress: [{ ip: '192.0.2.7' }] }))
  await vi.waitFor(async () => {
    const said = (await client.list(events)).items.filter((event) => event.involvedObject.name === 'told')
    expect(said).toMatchObject([{ type: 'Normal', reason: 'Sync', message: 'Scheduled for sync', source: { component: 'knarr-ingress-controller' } }])
  })
  await sleep(50)
  expect(client.writes.filter((write) => write === 'patch/status ingresses default/told')).toHaveLength(1)
})

it('makes its own objects once and lets the endpoints follow', async () => {
  const own = new FakeClient()
  await ensureIngressObjects(own, { address: '10.9.0.1', httpPort: 80, httpsPort: 443 })
  await own.patch(
    ingressClasses,
    { name: 'knarr' },
    { metadata: { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'false' } } },
    { type: 'merge' },
  )
  await ensureIngressObjects(own, { address: '10.9.0.2', httpPort: 8080, httpsPort: 8443 })
  expect((await own.get(ingressClasses, { name: 'knarr' })).metadata.annotations).toEqual({ 'ingressclass.kubernetes.io/is-default-class': 'false' })
  const slice = await own.get(endpointSlices, { namespace: 'kube-system', name: 'ingress-knarr' })
  expect(slice.endpoints?.[0]?.addresses).toEqual(['10.9.0.2'])
  expect(slice.ports?.map(({ port }) => port)).toEqual([8080, 8443])
})
