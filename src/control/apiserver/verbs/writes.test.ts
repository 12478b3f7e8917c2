import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as kinds from '../../../base/api/kinds.ts'
import { MemoryStore } from '../../store/memory-store.ts'
import { createAsk } from '../testing/ask.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

const store = new MemoryStore()
let running: TestServer
beforeAll(async () => {
  running = await startTestServer({ store })
})
afterAll(() => running.stop())

const ask = createAsk(() => running.server)
const [deployments, configMaps, services] = [
  '/apis/apps/v1/namespaces/default/deployments',
  '/api/v1/namespaces/default/configmaps',
  '/api/v1/namespaces/default/services',
]
const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'b' }] } }
const deployment = (name: string, more: object = {}) => ({ metadata: { name }, spec: { selector: { matchLabels: { a: 'b' } }, template, ...more } })
const typed = (type: string) => ({ method: 'PATCH', headers: { 'content-type': `application/${type}+json` } })

describe('fields that are unknown or given twice', () => {
  const twice = '{"metadata":{"name":"twice"},"data":{"a":"1"},"data":{"a":"2"},"dada":{}}'

  test.each([
    ['Strict', 400, undefined],
    ['Warn', 201, '299 - "unknown field \\"dada\\"", 299 - "duplicate field \\"data\\""'],
    ['Ignore', 201, undefined],
  ])('%s answers %i', async (validation, status, warning) => {
    const answer = await ask(`${configMaps}?dryRun=All&fieldValidation=${validation}`, { method: 'POST', body: twice })
    expect([answer.status, answer.response.headers?.['warning']]).toEqual([status, warning])
  })

  test.each([
    [
      'strategic-merge-patch',
      { spec: { replica: 3 } },
      /^ "" is invalid: patch: Invalid value: "map\[spec:map\[replica:3\]\]": strict decoding error: unknown field "spec.replica"$/,
    ],
    ['merge-patch', { spec: { replica: 3 } }, /^ "" is invalid: patch: Invalid value: "\{.*\}": strict decoding error: unknown field "spec.replica"$/],
  ])('a strict %s is refused as upstream words it', async (type, body, message) => {
    await ask(deployments, { method: 'POST', body: deployment('strict') })
    const answer = await ask(`${deployments}/strict?fieldValidation=Strict`, { ...typed(type), body })
    expect(answer.status).toBe(422)
    expect(answer.body.message).toMatch(message)
  })

  test('a setting that is none is refused', async () => {
    expect((await ask(`${configMaps}?fieldValidation=strict`, { method: 'POST', body: {} })).body.message).toBe(
      'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "strict": supported values: "Ignore", "Strict", "Warn"',
    )
  })
})

test("Endpoints are served with upstream's deprecation warning", async () => {
  const { response } = await ask('/api/v1/endpoints')
  expect(response.headers?.['warning']).toBe('299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"')
})

test('every fault of a strict body is told at once', async () => {
  const body = '{"metadata":{"name":"twice"},"data":{"a":"1"},"data":{"a":"2"},"dada":{}}'
  const answer = await ask(`${configMaps}?fieldValidation=Strict`, { method: 'POST', body })
  expect(answer.body.message).toBe(
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dada", duplicate field "data"',
  )
})

describe('dryRun=All', () => {
  test('of every verb shows the result and stores nothing', async () => {
    await ask(deployments, { method: 'POST', body: deployment('dry') })
    const before = store.revision
    const { body: stored } = await ask(`${deployments}/dry`)
    const dry = (target: string, asked: object) => ask(`${target}?dryRun=All`, asked)
    const changed = { ...stored, spec: { ...stored.spec, replicas: 7 } }
    expect((await dry(`${deployments}/dry`, { method: 'PUT', body: changed })).body).toMatchObject({ spec: { replicas: 7 }, metadata: { generation: 2 } })
    expect((await dry(`${deployments}/dry`, { ...typed('merge-patch'), body: { spec: { replicas: 8 } } })).body.spec.replicas).toBe(8)
    expect((await dry(`${deployments}/dry/scale`, { ...typed('merge-patch'), body: { spec: { replicas: 9 } } })).body.spec.replicas).toBe(9)
    expect((await dry(`${deployments}/dry/status`, { ...typed('merge-patch'), body: { status: { replicas: 1 } } })).body.status.replicas).toBe(1)
    expect((await dry(`${deployments}/dry`, { method: 'DELETE' })).body.status).toBe('Success')
    expect((await dry(deployments, { method: 'DELETE' })).body.items).not.toHaveLength(0)
    const generated = (await dry(configMaps, { method: 'POST', body: { metadata: { generateName: 'some-' } } })).body
    expect(generated.metadata).toMatchObject({
      name: expect.stringMatching(/^some-\w{5}$/) as string,
      uid: expect.any(String) as string,
      creationTimestamp: expect.any(String) as string,
    })
    expect(generated.metadata.resourceVersion).toBeUndefined()
    expect(store.revision).toBe(before)
  })

  test('of a Service takes neither its address nor its port', async () => {
    const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30999 }], clusterIP: '10.96.0.77' }
    for (const query of ['?dryRun=All', '?dryRun=All', '']) {
      const answer = await ask(services + query, { method: 'POST', body: { metadata: { name: `dry${query.length}` }, spec } })
      expect([answer.status, answer.body.spec?.clusterIP, answer.body.spec?.ports[0].nodePort]).toEqual([201, '10.96.0.77', 30999])
    }
  })
})

test('an update of some kinds must say which state it changes', async () => {
  const { body: account } = await ask('/api/v1/namespaces/default/serviceaccounts/default')
  const put = (metadata: object) => ask('/api/v1/namespaces/default/serviceaccounts/default', { method: 'PUT', body: { metadata } })
  const { status, body } = await put({ name: 'default' })
  expect([status, body.message]).toEqual([
    422,
    'ServiceAccount "default" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
  ])
  expect((await put({ name: 'default', resourceVersion: account.metadata.resourceVersion })).status).toBe(200)
})

test("a name that is always taken is given up with upstream's words", async () => {
  const taken = await startTestServer({
    admission: () => [{ name: 'Taken', validate: ({ object }) => void (object?.metadata.generateName && (object.metadata.name = 'gen-taken')) }],
  })
  const own = createAsk(() => taken.server)
  const post = () => own(configMaps, { method: 'POST', body: { metadata: { generateName: 'gen-' } } })
  expect((await post()).status).toBe(201)
  const { status, body } = await post()
  expect([status, body.reason, body.message]).toEqual([
    409,
    'AlreadyExists',
    'configmaps "gen-taken" already exists, the server was not able to generate a unique name for the object',
  ])
  await taken.stop()
})

describe('preconditions', () => {
  test.each([
    [
      { uid: 'other' },
      /^Operation cannot be fulfilled on Deployment\.apps "guarded": the UID in the precondition \(other\) does not match the UID in record \([-0-9a-f]{36}\)\. The object might have been deleted and then recreated$/,
    ],
    [
      { resourceVersion: '1' },
      /^Operation cannot be fulfilled on Deployment\.apps "guarded": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
    ],
  ])('%o keeps what it does not fit', async (preconditions, message) => {
    await ask(deployments, { method: 'POST', body: deployment('guarded') })
    const { status, body } = await ask(`${deployments}/guarded`, { method: 'DELETE', body: { preconditions } })
    expect(status).toBe(409)
    expect(body.message).toMatch(message)
    expect((await ask(`${deployments}/guarded`)).status).toBe(200)
  })

  test('a uid in the body of an update is one', async () => {
    await running.client.create(kinds.configMaps, { metadata: { name: 'other', namespace: 'default' } })
    const { status, body } = await ask(`${configMaps}/other`, { method: 'PUT', body: { metadata: { name: 'other', uid: 'x' } } })
    expect(status).toBe(409)
    expect(body.message).toMatch(/AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: /)
  })
})
