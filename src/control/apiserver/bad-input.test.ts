import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { admin, startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
beforeAll(async () => {
  running = await startTestServer()
  const { client } = running
  const metadata = { name: 'a', namespace: 'default' }
  const spec = { containers: [{ name: 'app', image: 'example/app' }] }
  await client.create(kinds.pods, { metadata, spec })
  await client.create(kinds.services, { metadata, spec: { type: 'NodePort', ports: [{ port: 80 }] } })
  await client.create(kinds.deployments, { metadata, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec } } })
  await client.create(kinds.nodes, { metadata: { name: 'a' } })
  await client.create(kinds.namespaces, { metadata: { name: 'a' } })
  await client.create(kinds.ingresses, { metadata, spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } } })
})
afterAll(() => running.stop())

const send = (method: string, target: string, body?: string, headers: Record<string, string> = {}) => {
  const url = new URL(target, 'http://localhost')
  return running.server.handle({
    method,
    path: url.pathname,
    query: url.searchParams,
    headers,
    user: admin,
    signal: AbortSignal.timeout(1000),
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  })
}

const bodies = [
  '',
  'null',
  '[]',
  '1',
  '"x"',
  '{}',
  '{"metadata":null}',
  '{"metadata":"x"}',
  '{"metadata":[]}',
  '{"metadata":{"name":1}}',
  '{"metadata":{"name":"a","labels":[]}}',
  '{"metadata":{"name":"a"},"spec":null}',
  '{"metadata":{"name":"a"},"spec":"x"}',
  '{"metadata":{"name":"a"},"spec":{"containers":[null]}}',
  '{"kind":{},"apiVersion":[]}',
  '{"metadata":{"name":"a"},"spec":{"containers":"x"}}',
  '{"metadata":{"name":"a","resourceVersion":"x"}}',
  '{"metadata":{"generateName":"A_"}}',
  '{"__proto__":{"a":1}}',
  '{"metadata":{"name":"../../x"}}',
  '{"metadata":{"name":"a/b"},"spec":{"ports":[null]}}',
  '{"spec":{"replicas":1e400}}',
  '{"spec":null}',
  '{"spec":{"ports":null}}',
  '{"spec":{"containers":null}}',
  '{"spec":{"template":null}}',
  '{"status":null}',
  '{"status":1}',
  '[{"op":"remove","path":"/spec"}]',
  '[{"op":"replace","path":"","value":null}]',
  '[{"op":"replace","path":"/metadata","value":1}]',
  '[{"op":"nope"}]',
  '{"metadata":{"name":"b"}}',
  '{"metadata":{"finalizers":"x"}}',
  '{"spec":{"$patch":"delete"}}',
  '{"$patch":"replace"}',
  '{"spec":{"containers":[{"x":1}]}}',
  '{"metadata":{"name":"a","finalizers":[1]}}',
]
const places = [
  '/api/v1/namespaces/default/pods',
  '/api/v1/namespaces/default/services',
  '/apis/apps/v1/namespaces/default/deployments',
  '/api/v1/nodes',
  '/api/v1/namespaces',
  '/apis/networking.k8s.io/v1/namespaces/default/ingresses',
]
const below = ['', '/status', '/scale', '/binding', '/eviction', '/token', '/finalize', '/ephemeralcontainers', '/log', '/exec', '/nope']
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'text/plain', '']
const queries = [
  'labelSelector=((',
  'labelSelector==',
  'fieldSelector==x',
  'fieldSelector=a,b',
  'limit=x',
  'limit=-1',
  'continue=x',
  'continue=e30',
  'resourceVersion=x',
  'resourceVersion=99999999',
  'resourceVersionMatch=Nope',
  'watch=1&resourceVersion=x',
  'watch=1&resourceVersion=999999999',
  'watch=1&timeoutSeconds=x',
  'includeObject=x',
  'limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJ4In0',
]

test('no body, query or patch makes the server fail', async () => {
  const failed: string[] = []
  const check = async (method: string, path: string, body?: string, headers?: Record<string, string>) => {
    const { status, body: answer } = await send(method, path, body, headers)
    if (status >= 500 && status !== 504) failed.push(`${method} ${path} ${body ?? ''} ${headers?.['content-type'] ?? ''}: ${status} ${JSON.stringify(answer)}`)
  }
  for (const place of places) {
    for (const query of queries) await check('GET', `${place}?${query}`)
    for (const body of bodies) {
      await check('POST', place, body)
      await check('POST', `${place}?fieldValidation=Strict&dryRun=All`, body, { 'content-type': 'application/yaml' })
      await check('POST', place, body, { 'content-type': 'application/vnd.kubernetes.protobuf' })
      for (const sub of below) await check('PUT', `${place}/a${sub}`, body)
      for (const sub of below) await check('POST', `${place}/a${sub}`, body)
      for (const type of patchTypes) for (const sub of ['', '/status', '/scale']) await check('PATCH', `${place}/a${sub}`, body, { 'content-type': type })
      await check('DELETE', `${place}/absent`, body)
    }
  }
  for (const path of [
    '/',
    '/x',
    '/api',
    '/api/',
    '/api/v2',
    '/apis/nope',
    '/apis/apps/v9/x',
    '/openapi/v3/apis/x/y',
    '/api/v1/watch/pods?timeoutSeconds=x',
    '/healthz/nope',
    '/openapi/v2',
  ])
    await check('GET', path)
  for (const body of bodies)
    for (const review of ['authentication.k8s.io/v1/tokenreviews', 'authorization.k8s.io/v1/subjectaccessreviews']) await check('POST', `/apis/${review}`, body)
  expect(failed).toEqual([])
})
