import { request as httpsRequest, type RequestOptions } from 'node:https'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { listenForTest, startTestServer, type Listener, type TestServer } from './testing/test-server.ts'

// Every attack meets a real listener, and is followed by an honest request that must still be served.
let running: TestServer
let listener: Listener

beforeAll(async () => {
  running = await startTestServer()
  listener = await listenForTest(running.server)
})
afterAll(async () => {
  await listener.stop()
  await running.stop()
})

interface Answer {
  readonly status: number
  readonly reason: string
  readonly message: string
}

const send = (path: string, options: RequestOptions = {}, body?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { ca, cert, key, url } = listener
    const { hostname, port } = new URL(url)
    const sent = httpsRequest({ hostname, port, path, ca, cert, key, agent: false, ...options }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += String(chunk)))
      response.on('end', () => {
        const { reason = '', message = text } = text.startsWith('{') ? (JSON.parse(text) as Partial<Answer>) : {}
        resolve({ status: response.statusCode!, reason, message })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })

const nobody = { cert: undefined, key: undefined } as unknown as RequestOptions
const bearing = (token: string) => ({ ...nobody, headers: { authorization: `Bearer ${token}` } })
const honest = async () => expect((await send('/api/v1/namespaces/default')).status).toBe(200)
const configMaps = '/api/v1/namespaces/default/configmaps'

test('without a credential nothing but public information is given', async () => {
  expect(await send('/api/v1/namespaces/default/secrets', nobody)).toMatchObject({ status: 403, reason: 'Forbidden' })
  expect(await send('/metrics', nobody)).toMatchObject({ status: 403, reason: 'Forbidden' })
})

test('a certificate of another authority is nobody', async () => {
  const other = await listenForTest(running.server)
  const { cert, key } = other
  expect(await send('/api/v1/nodes', { cert, key })).toMatchObject({ status: 403, reason: 'Forbidden' })
  await other.stop()
})

test('tokens that are foreign, cut, altered or without a signature are refused', async () => {
  const { status } = await running.client.createSubresource<{ status: { token: string } }>(
    kinds.serviceAccounts,
    { namespace: 'default', name: 'default' },
    'token',
    {},
  )
  const [head, payload, signature] = status.token.split('.') as [string, string, string]
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  const stranger = await startTestServer()
  const foreign = await stranger.client.createSubresource<{ status: { token: string } }>(
    kinds.serviceAccounts,
    { namespace: 'default', name: 'default' },
    'token',
    {},
  )
  await stranger.stop()
  expect((await send('/api', bearing(status.token))).status).toBe(200)
  for (const token of [
    foreign.status.token,
    `${head}.${payload}`,
    `${head}.${text({ ...claims, sub: 'system:admin' })}.${signature}`,
    `${text({ alg: 'none' })}.${payload}.`,
    `${text({ alg: 'HS256' })}.${payload}.${signature}`,
    'x',
  ])
    expect(await send('/api', bearing(token))).toMatchObject({ status: 401, reason: 'Unauthorized' })
})

test('a token dies with its account', async () => {
  const ref = { namespace: 'default', name: 'brief' }
  await running.client.create(kinds.serviceAccounts, { metadata: ref })
  const { status } = await running.client.createSubresource<{ status: { token: string } }>(kinds.serviceAccounts, ref, 'token', {})
  expect((await send('/api', bearing(status.token))).status).toBe(200)
  await running.client.delete(kinds.serviceAccounts, ref)
  expect((await send('/api', bearing(status.token))).status).toBe(401)
  await running.client.create(kinds.serviceAccounts, { metadata: ref })
  expect((await send('/api', bearing(status.token))).status).toBe(401)
})

test.each([
  '/api/v1/namespaces/default/../kube-system/secrets',
  '/api/v1/namespaces/default%2F..%2Fkube-system/secrets',
  '/api/v1/namespaces/default/secrets/..%2f..%2fkube-system',
  '/version/../api/v1/secrets',
  '//api/v1/secrets',
  '/api/v1/namespaces/default/namespaces/kube-system/secrets',
  '/healthz%2f..%2fapi/v1/secrets',
  '/api/v1/%6eamespaces/kube-system/secrets',
])('a path trick gives nobody a Secret: %s', async (path) => {
  const { status } = await send(path, nobody)
  expect([400, 403, 404]).toContain(status)
  await honest()
})

test.each<[what: string, type: string, body: () => string, status: number]>([
  ['a body past the limit', 'application/json', () => `{"data":{"a":"${'x'.repeat(4 * 1024 * 1024)}"}}`, 413],
  ['a deeply nested JSON body', 'application/json', () => `{"metadata":{"name":"deep"},"data":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 400],
  ['deeply nested unknown fields', 'application/json', () => `{"metadata":{"name":"deep"},"x":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`, 400],
  [
    'a YAML bomb',
    'application/yaml',
    () => `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`).join('\n')}\n`,
    400,
  ],
])('%s is refused', async (_, type, body, status) => {
  const answer = await send(configMaps, { method: 'POST', headers: { 'content-type': type } }, body()).catch((error: NodeJS.ErrnoException) => error.code)
  expect(answer).toMatchObject({ status })
  await honest()
})
