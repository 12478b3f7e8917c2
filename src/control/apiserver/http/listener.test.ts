import { createServer, type Server } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../../base/api/kinds.ts'
import { listenForTest, startTestServer, type Listener, type TestServer } from '../testing/test-server.ts'

let running: TestServer
let listener: Listener
let kubelet: Server
const folder = mkdtempSync(join(tmpdir(), 'knarr-kubelet-'))
const socketPath = join(folder, 'kubelet.sock')
const seen: string[] = []

beforeAll(async () => {
  kubelet = createServer((request, response) => {
    seen.push(request.url!)
    if (request.url!.includes('waiting')) return void response.writeHead(400).end('container "app" in pod "waiting" is waiting to start: ContainerCreating')
    response.write('line 1\n')
    response.end('line 2\n')
  })
  kubelet.on('upgrade', (request, socket: Duplex) => {
    seen.push(request.url!)
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => kubelet.listen(socketPath, resolve))
  running = await startTestServer({ nodeDialer: (name) => (name === 'n1' ? { socketPath } : undefined) })
  listener = await listenForTest(running.server)
  for (const name of ['ran', 'waiting']) {
    await running.client.create(kinds.pods, {
      metadata: { name, namespace: 'default' },
      spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'example/app' }] },
    })
  }
})

afterAll(async () => {
  await listener.stop()
  await running.stop()
  kubelet.closeAllConnections()
  await new Promise((resolve) => kubelet.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly text: string
}

const send = (path: string, options: RequestOptions = {}, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { ca, cert, key, url } = listener
    const sent = httpsRequest(`${url}${path}`, { ca, cert, key, agent: false, ...options }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += String(chunk)))
      response.on('end', () => resolve({ status: response.statusCode!, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })

const withoutCertificate = { cert: undefined, key: undefined } as unknown as RequestOptions

test('a client certificate tells who asks', async () => {
  const { text } = await send('/apis/authentication.k8s.io/v1/selfsubjectreviews', { method: 'POST' }, '{}')
  expect(JSON.parse(text)).toMatchObject({ status: { userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] } } })
})

test('so does a bearer token; a bad one is 401, none at all is anonymous', async () => {
  const request = await running.client.createSubresource<{ status: { token: string } }>(
    kinds.serviceAccounts,
    { namespace: 'default', name: 'default' },
    'token',
    {},
  )
  const bearing = (token: string) => send('/api', { ...withoutCertificate, headers: { authorization: `Bearer ${token}` } })
  expect((await bearing(request.status.token)).status).toBe(200)
  expect(await bearing('nonsense')).toMatchObject({ status: 401, text: expect.stringContaining('"reason":"Unauthorized"') as string })
  expect((await send('/api/v1/pods', withoutCertificate)).status).toBe(403)
  expect(await send('/healthz', withoutCertificate)).toEqual({ status: 200, text: 'ok' })
})

test("logs come from the node's kubelet, and so do its refusals", async () => {
  expect(await send('/api/v1/namespaces/default/pods/ran/log?tailLines=2')).toEqual({ status: 200, text: 'line 1\nline 2\n' })
  expect(seen.at(-1)).toBe('/containerLogs/default/ran/app?tailLines=2')
  const refused = await send('/api/v1/namespaces/default/pods/waiting/log')
  expect([refused.status, (JSON.parse(refused.text) as { message: string }).message]).toEqual([
    400,
    'container "app" in pod "waiting" is waiting to start: ContainerCreating',
  ])
})

test('an upgraded exec is relayed byte by byte', async () => {
  const echoed = await new Promise<string>((resolve, reject) => {
    const { ca, cert, key, url } = listener
    const sent = httpsRequest(`${url}/api/v1/namespaces/default/pods/ran/exec?command=ls&command=-l&stdin=true`, {
      ca,
      cert,
      key,
      agent: false,
      method: 'POST',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
    })
    sent.on('upgrade', (_, socket) => {
      socket.on('data', (chunk) => {
        resolve(String(chunk))
        socket.destroy()
      })
      socket.write('hello')
    })
    sent.on('error', reject)
    sent.end()
  })
  expect(echoed).toBe('hello')
  expect(seen.at(-1)).toBe('/exec/default/ran/app?command=ls&command=-l&stdin=true')
})

test('a refused upgrade is a Status', async () => {
  const answer = await send('/api/v1/namespaces/default/pods/ran/exec?command=ls&container=x', { headers: { connection: 'Upgrade', upgrade: 'websocket' } })
  expect([answer.status, (JSON.parse(answer.text) as { message: string }).message]).toEqual([400, 'container x is not valid for pod ran'])
})

test('a watch streams lines until its client leaves', async () => {
  const line = await new Promise<string>((resolve, reject) => {
    const { ca, cert, key, url } = listener
    const sent = httpsRequest(`${url}/api/v1/namespaces?watch=1`, { ca, cert, key, agent: false }, (response) => {
      response.once('data', (chunk) => {
        resolve(String(chunk).split('\n')[0]!)
        sent.destroy()
      })
    })
    sent.on('error', reject)
    sent.end()
  })
  expect(JSON.parse(line)).toMatchObject({ type: 'ADDED', object: { kind: 'Namespace' } })
})
