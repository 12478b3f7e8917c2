import assert from 'node:assert/strict'
import fc from 'fast-check'
import { afterAll, beforeAll, test } from 'vitest'
import { apiVersionOf, type Kind } from '../../base/api/kind.ts'
import { kinds } from '../../base/api/kinds.ts'
import { MemoryStore } from '../store/memory-store.ts'
import { samples } from './testing/samples.ts'
import { admin, startTestServer, type TestServer } from './testing/test-server.ts'

/** The same in every run, so that a change is judged by its own faults; KNARR_SEED tries other paths. */
const seed = Number(process.env['KNARR_SEED'] ?? 1)
const runs = 1000

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type Loose = { [key: string]: Json }

const store = new MemoryStore()
let running: TestServer
beforeAll(async () => {
  running = await startTestServer({ store })
})
afterAll(() => running.stop())

interface Answer {
  readonly status: number
  readonly body: Loose
}

const send = async (method: string, target: string, body?: Json | Buffer, type = 'application/json'): Promise<Answer> => {
  const url = new URL(target, 'http://localhost')
  const response = await running.server.handle({
    method,
    path: decoded(url.pathname),
    query: url.searchParams,
    headers: { 'content-type': type },
    user: admin,
    signal: AbortSignal.timeout(2000),
    ...(body === undefined ? {} : { body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)) }),
  })
  const text = Buffer.isBuffer(response.body) || response.body instanceof Uint8Array ? Buffer.from(response.body).toString() : response.body
  return { status: response.status, body: (typeof text === 'string' && text.startsWith('{') ? JSON.parse(text) : text) as Loose }
}

/** As the listener does it. */
const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const collectionOf = (kind: Kind) =>
  `${kind.group ? `/apis/${kind.group}` : '/api'}/${kind.version}${kind.namespaced ? '/namespaces/default' : ''}/${kind.plural}`

let serial = 0
const nameFor = (kind: Kind): string => {
  serial++
  return kind.plural === 'ipaddresses' ? `10.9.${serial >> 8}.${serial & 255}` : `s${serial}`
}

const objectOf = (kind: Kind, name: string): Loose => ({
  apiVersion: apiVersionOf(kind),
  kind: kind.kind,
  metadata: { name, ...(kind.namespaced ? { namespace: 'default' } : {}) },
  ...(structuredClone(samples[kind.plural] ?? {}) as Loose),
})

/** Which version of which key there is: what a refused write must leave as it was. */
const contents = (): string[] => store.list('/').entries.map(({ key, revision }) => `${key}@${revision}`)

const junk: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, '', ' ', 'x', '\u0000', '../..', '-1', '1e9999', '1Zi', [], {}, [null], [[]], { $patch: 'delete' }, { '': '' }),
  fc.constantFrom<Json>(-1, 0, 1, 65_536, 2 ** 31, 2 ** 53, -(2 ** 63), 1.5, 1e300),
  fc.string({ maxLength: 300 }),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
  fc.integer({ min: 10, max: 150 }).map((depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as Json),
)

/** Where in the object (as picks among the children on the way down), and what happens there. */
const mutation = fc.record({
  way: fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 }),
  act: fc.constantFrom('replace', 'remove', 'add', 'double'),
  value: junk,
  key: fc.oneof(
    fc.constantFrom('name', 'namespace', 'spec', 'status', 'finalizers', 'resourceVersion', 'uid', '__proto__', 'x/y'),
    fc.string({ maxLength: 20 }),
  ),
})
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutate(object: Loose, { way, act, value, key }: Mutation): Loose {
  const copy = structuredClone(object) as Loose
  let parent: Loose = copy
  let place = ''
  for (const pick of way) {
    const names = Object.keys(parent)
    if (names.length === 0) break
    place = names[pick % names.length]!
    const child = parent[place]
    if (typeof child !== 'object' || child === null || pick % 7 === 0) break
    if (Object.keys(child).length === 0) break
    if (pick === way.at(-1)) break
    parent = child as Loose
    place = Object.keys(parent)[pick % Object.keys(parent).length]!
  }
  if (act === 'remove') delete parent[place]
  else if (act === 'add') Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true })
  else if (act === 'double' && Array.isArray(parent[place])) parent[place] = [...(parent[place] as Json[]), ...(parent[place] as Json[])]
  else parent[place] = value
  return copy
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?$/)
const change = fc.oneof(
  fc.record({ isValid: fc.constant(true as const), labels: fc.dictionary(label, label, { maxKeys: 4 }), note: fc.string({ maxLength: 200 }) }),
  fc.record({ isValid: fc.constant(false as const), mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }) }),
)
const request = fc.record({
  kind: fc.constantFrom(...kinds),
  verb: fc.constantFrom('POST', 'PUT', 'merge-patch', 'strategic-merge-patch', 'dryRun', 'status'),
  change,
})

const changed = (object: Loose, how: typeof change extends fc.Arbitrary<infer T> ? T : never): Loose => {
  if (!how.isValid) return how.mutations.reduce(mutate, object)
  return { ...object, metadata: { ...(object['metadata'] as Loose), labels: how.labels, annotations: { note: how.note } } }
}

/** Sends it; for all but creations to an object that is there already. */
async function perform(kind: Kind, verb: string, how: Parameters<typeof changed>[1]): Promise<{ answer: Answer; path: string; before: string[] }> {
  const [name, collection] = [nameFor(kind), collectionOf(kind)]
  const path = `${collection}/${name}`
  if (verb === 'POST' || verb === 'dryRun') {
    const before = contents()
    const answer = await send('POST', verb === 'dryRun' ? `${collection}?dryRun=All` : collection, changed(objectOf(kind, name), how))
    return { answer, path, before }
  }
  const { body, status } = await send('POST', collection, objectOf(kind, name))
  assert.equal(status, 201, JSON.stringify(body))
  const before = contents()
  if (verb === 'PUT') return { answer: await send('PUT', path, changed(body, how)), path, before }
  if (verb === 'status') return { answer: await send('PUT', `${path}/status`, changed(body, how)), path, before }
  // A merge patch that names a list replaces it, defaults and all: a valid one keeps to the metadata.
  const patched = how.isValid ? { metadata: { name } } : objectOf(kind, name)
  return { answer: await send('PATCH', path, changed(patched, how), `application/${verb}+json`), path, before }
}

type Request = typeof request extends fc.Arbitrary<infer T> ? T : never

/** What must hold of every write, whatever it was. */
async function judgeWrite({ kind, verb, change: how }: Request): Promise<void> {
  const { answer, path, before } = await perform(kind, verb, how)
  const { status, body } = answer
  const told = `${verb} ${kind.plural}: ${status} ${JSON.stringify(body)?.slice(0, 500)}`
  assert(status < 500, told)
  assert(status < 300 || !how.isValid || verb === 'status', told)
  if (status < 400 && verb !== 'dryRun') return judgeRoundTrip(path, answer, told)
  if (status >= 400) assert.deepEqual([body['kind'], body['status'], body['code']], ['Status', 'Failure', status], told)
  assert.deepEqual(contents(), before, told)
}

test(`${runs} writes of every kind, half of them valid, never fail the server nor leave half an object (seed ${seed})`, async () => {
  await fc.assert(fc.asyncProperty(request, judgeWrite), { numRuns: runs, seed, verbose: 1 })
}, 120_000)

/** What was accepted reads back as answered, and written again as it is it changes nothing. */
async function judgeRoundTrip(asked: string, { body }: Answer, told: string): Promise<void> {
  // A mutation may have taken the name out of the way: `generateName`, say.
  const { name } = body['metadata'] as { name: string }
  const path = asked.replace(/[^/]+$/, encodeURIComponent(name))
  const read = await send('GET', path)
  assert.deepEqual(read.body, body, told)
  const again = await send('PUT', path, read.body)
  assert.deepEqual(again.body, read.body, told)
}

const segment = fc.oneof(
  fc.constantFrom(
    'api',
    'apis',
    'v1',
    'apps',
    'namespaces',
    'default',
    'pods',
    'a',
    'status',
    'scale',
    'watch',
    '..',
    '%2e%2e',
    '%00',
    '',
    'openapi',
    'version',
  ),
  fc.string({ maxLength: 40 }),
)
const rawRequest = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'BREW'),
  segments: fc.array(segment, { maxLength: 7 }),
  query: fc.dictionary(
    fc.constantFrom('labelSelector', 'fieldSelector', 'limit', 'continue', 'resourceVersion', 'fieldValidation', 'dryRun', 'x'),
    fc.string({ maxLength: 40 }),
    { maxKeys: 3 },
  ),
  type: fc.constantFrom('application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'application/json-patch+json', 'text/plain', ''),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ maxLength: 300 }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
  ),
})

type RawRequest = typeof rawRequest extends fc.Arbitrary<infer T> ? T : never

async function judgeRequest({ method, segments, query, type, body }: RawRequest): Promise<void> {
  const before = contents()
  const path = `/${segments.map((part) => part.replaceAll(/[?#\\\s]/g, '')).join('/')}`
  const target = `${path}?${new URLSearchParams(query)}`
  if (!URL.canParse(target, 'http://localhost')) return
  const { status, body: answer } = await send(method, target, method === 'GET' ? undefined : body, type)
  assert(status < 500 || status === 504, `${method} ${target}: ${status} ${JSON.stringify(answer)?.slice(0, 500)}`)
  if (status >= 400) assert.deepEqual(contents(), before)
}

test(`${runs} raw requests never fail the server (seed ${seed})`, async () => {
  await fc.assert(fc.asyncProperty(rawRequest, judgeRequest), { numRuns: runs, seed, verbose: 1 })
}, 120_000)
