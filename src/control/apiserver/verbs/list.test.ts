import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as kinds from '../../../base/api/kinds.ts'
import { MemoryStore } from '../../store/memory-store.ts'
import { createAsk } from '../testing/ask.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

const store = new MemoryStore()
let running: TestServer
beforeAll(async () => {
  running = await startTestServer({ store })
  for (const [name, labels] of [
    ['a', { app: 'web', tier: '1' }],
    ['b', { app: 'web', tier: '2' }],
    ['c', { app: 'db' }],
    ['d', {}],
  ] as const) {
    await running.client.create(kinds.configMaps, { metadata: { name, namespace: 'default', labels } })
  }
})
afterAll(() => running.stop())

const ask = createAsk(() => running.server)
const list = '/api/v1/namespaces/default/configmaps'
const names = (body: { items: { metadata: { name: string } }[] }) => body.items.map(({ metadata }) => metadata.name).join(' ')

test.each([
  ['app=web', 'a b'],
  ['app==web,tier!=2', 'a'],
  ['app!=web', 'c d'],
  ['app in (web, db)', 'a b c'],
  ['app notin (web)', 'c d'],
  ['app', 'a b c'],
  ['!app', 'd'],
  ['tier>1', 'b'],
  ['tier<2,app', 'a'],
])('the label selector %s selects %s', async (selector, expected) => {
  expect(names((await ask(`${list}?labelSelector=${encodeURIComponent(selector)}`)).body)).toBe(expected)
})

describe("what cannot be selected is refused in upstream's words", () => {
  test.each([
    ['pods', 'spec.image=x', 'field label not supported: spec.image'],
    ['nodes', 'metadata.namespace=x', 'field label not supported: metadata.namespace'],
    ['configmaps', 'data=x', '"data" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ['secrets', 'constructor=x', 'field label not supported: constructor'],
  ])('%s by %s', async (plural, selector, message) => {
    const { status, body } = await ask(`/api/v1/${plural}?fieldSelector=${encodeURIComponent(selector)}`)
    expect([status, body.message]).toEqual([400, message])
  })

  test.each([
    ['batch/v1/jobs', 'field label "spec.x" not supported for Job'],
    ['apps/v1/statefulsets', 'field label not supported for appsv1.StatefulSet: spec.x'],
  ])('%s', async (path, message) => {
    expect((await ask(`/apis/${path}?fieldSelector=spec.x%3D1`)).body.message).toBe(message)
  })

  test.each([
    ['app in (web', "unable to parse requirement: found '', expected: ',', or ')'"],
    ['app=,=', "found '=', expected: identifier after ','"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ])('the label selector %s', async (selector, message) => {
    expect((await ask(`${list}?labelSelector=${encodeURIComponent(selector)}`)).body.message).toBe(message)
  })
})

describe('pages', () => {
  test('count what remains, unless a selection makes that unknown', async () => {
    const first = await ask(`${list}?limit=3`)
    expect([names(first.body), first.body.metadata.remainingItemCount]).toEqual(['a b c', 1])
    const selected = await ask(`${list}?limit=1&labelSelector=app`)
    expect([names(selected.body), selected.body.metadata.remainingItemCount]).toEqual(['a', undefined])
    const next = await ask(`${list}?limit=5&labelSelector=app&continue=${selected.body.metadata.continue}`)
    expect([names(next.body), next.body.metadata.continue]).toEqual(['b c', undefined])
  })

  test('whose revision is gone are refused with a token that goes on as things stand', async () => {
    const first = await ask(`${list}?limit=1`)
    await running.client.create(kinds.configMaps, { metadata: { name: 'bb', namespace: 'default' } })
    await store.compact(store.revision)
    const gone = await ask(`${list}?limit=2&continue=${first.body.metadata.continue}`)
    expect([gone.status, gone.body.reason]).toEqual([410, 'Expired'])
    expect(gone.body.message).toMatch(/^The provided continue parameter is too old to display a consistent list result\./)
    const rest = await ask(`${list}?limit=2&continue=${gone.body.metadata.continue}`)
    expect([rest.status, names(rest.body)]).toEqual([200, 'b bb'])
    await running.client.delete(kinds.configMaps, { name: 'bb', namespace: 'default' })
  })

  test.each([
    ['a.b', 'illegal base64 data at input byte 1'],
    [Buffer.from('{"v":"v0"}').toString('base64url'), 'server does not recognize this encoded version v0'],
    [Buffer.from('{"v":"meta.k8s.io/v1","rv":0,"start":"a"}').toString('base64url'), 'incorrect encoded start resourceVersion (version meta.k8s.io/v1)'],
    [Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":""}').toString('base64url'), 'encoded start key empty (version meta.k8s.io/v1)'],
    [Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"../secrets/x"}').toString('base64url'), '../secrets/x'],
  ])('with the token %s are refused', async (token, why) => {
    const { status, body } = await ask(`${list}?continue=${token}`)
    expect([status, body.message]).toEqual([400, `invalid continue token: continue key is not valid: ${why}`])
  })
})

describe('revisions', () => {
  const options = 'ListOptions.meta.k8s.io "" is invalid: '
  test.each([
    ['resourceVersionMatch=Exact', 422, `${options}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided`],
    [
      'resourceVersionMatch=Exact&resourceVersion=0',
      422,
      `${options}resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"`,
    ],
    [
      'resourceVersionMatch=No&resourceVersion=1',
      422,
      `${options}resourceVersionMatch: Unsupported value: "No": supported values: "Exact", "NotOlderThan", ""`,
    ],
    [
      'resourceVersionMatch=Exact&resourceVersion=1&continue=x',
      422,
      `${options}resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided`,
    ],
    ['sendInitialEvents=true', 422, `${options}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
    ['resourceVersion=1&continue=x', 400, 'specifying resource version is not allowed when using continue'],
    ['resourceVersion=1&resourceVersionMatch=Exact', 410, 'The resourceVersion for the provided list is too old.'],
  ])('%s is refused with %i', async (query, status, message) => {
    const answer = await ask(`${list}?${query}`)
    expect([answer.status, answer.body.message]).toEqual([status, message])
  })

  test('that are not there yet are refused with a cause that clients know', async () => {
    const { status, body } = await ask(`${list}?resourceVersion=999999`)
    expect([status, body.reason, body.message]).toEqual([504, 'Timeout', `Timeout: Too large resource version: 999999, current: ${store.revision}`])
    expect(body.details).toEqual({ retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] })
  })

  test('are read exactly where Exact asks for it', async () => {
    const before = store.revision
    await running.client.create(kinds.configMaps, { metadata: { name: 'later', namespace: 'default' } })
    expect(names((await ask(`${list}?resourceVersion=${before}&resourceVersionMatch=Exact`)).body)).toBe('a b c d')
    expect(names((await ask(`${list}?resourceVersion=${before}&resourceVersionMatch=NotOlderThan`)).body)).toBe('a b c d later')
  })

  test('deletecollection takes what the selectors select', async () => {
    await ask(`${list}?labelSelector=app%3Dweb&fieldSelector=metadata.name!%3Da`, { method: 'DELETE' })
    expect(names((await ask(list)).body)).toBe('a c d later')
  })
})
