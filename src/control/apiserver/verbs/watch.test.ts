import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as kinds from '../../../base/api/kinds.ts'
import { MemoryStore } from '../../store/memory-store.ts'
import { createAsk, eventsOf, type Asked } from '../testing/ask.ts'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

const store = new MemoryStore()
let running: TestServer
beforeAll(async () => {
  running = await startTestServer({ store })
})
afterAll(() => running.stop())

const ask = createAsk(() => running.server)
const namespace = 'default'
const list = `/api/v1/namespaces/${namespace}/configmaps`
const watch = (query: string, asked?: Asked) => ask(`${list}?watch=true&${query}`, asked)
const as = (kind: string) => ({ headers: { accept: `application/json;as=${kind};v=v1;g=meta.k8s.io` } })
const create = (name: string, labels: Record<string, string> = {}) => running.client.create(kinds.configMaps, { metadata: { name, namespace, labels } })
const brief = (events: { type: string; object: { metadata: { name: string } } }[]) => events.map(({ type, object }) => `${type} ${object.metadata.name}`)

test('an object that enters or leaves a selection is ADDED or DELETED', async () => {
  const answer = await watch(`resourceVersion=${store.revision}&labelSelector=app%3Dweb`)
  const object = await create('moves')
  const inside = await running.client.update(kinds.configMaps, { ...object, metadata: { ...object.metadata, labels: { app: 'web' } } })
  const changed = await running.client.update(kinds.configMaps, { ...inside, data: { a: '1' } })
  await running.client.update(kinds.configMaps, { ...changed, metadata: { ...changed.metadata, labels: {} } })
  const events = await eventsOf(answer, 3)
  expect(brief(events)).toEqual(['ADDED moves', 'MODIFIED moves', 'DELETED moves'])
  expect(events[2].object).toMatchObject({ data: { a: '1' }, metadata: { labels: { app: 'web' }, resourceVersion: String(store.revision) } })
})

test('history that is gone is told in an event, under a status of 200', async () => {
  const from = store.revision
  await create('one')
  await store.compact(store.revision)
  const answer = await watch(`resourceVersion=${from - 1}`)
  expect(answer.status).toBe(200)
  expect(await eventsOf(answer)).toMatchObject([
    {
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired', message: expect.stringMatching(/^too old resource version: \d+ \(\d+\)$/) as string },
    },
  ])
})

test('a watch may begin with what there is, and tell when that is all', async () => {
  await create('listed', { app: 'initial' })
  const answer = await watch('sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=app%3Dinitial')
  const [added, end] = await eventsOf(answer, 2)
  expect(brief([added])).toEqual(['ADDED listed'])
  expect(end).toEqual({
    type: 'BOOKMARK',
    object: {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(store.revision), annotations: { 'k8s.io/initial-events-end': 'true' } },
    },
  })
})

test('a watch ends after timeoutSeconds', async () => {
  expect(await eventsOf(await watch(`resourceVersion=${store.revision}&timeoutSeconds=1`))).toEqual([])
})

describe('other forms', () => {
  const initial = 'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=app%3Dform'

  test('a Table tells its columns in the first event only', async () => {
    await create('form', { app: 'form' })
    const events = await eventsOf(await watch(initial, as('Table')), 2)
    expect(events.map(({ object }) => [object.kind, object.columnDefinitions?.length, object.rows.length])).toEqual([
      ['Table', 3, 1],
      ['Table', undefined, 1],
    ])
    expect(events[1].object.rows[0].object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' })
  })

  test('metadata alone', async () => {
    const events = await eventsOf(await watch(initial, as('PartialObjectMetadata')), 2)
    expect(events.map(({ type, object }) => [type, object.kind, Object.keys(object)])).toEqual([
      ['ADDED', 'PartialObjectMetadata', ['kind', 'apiVersion', 'metadata']],
      ['BOOKMARK', 'PartialObjectMetadata', ['kind', 'apiVersion', 'metadata']],
    ])
  })

  test.each(kinds.kinds.map((kind) => [kind.plural, kind] as const))('a bookmark of %s can be a row', async (_, kind) => {
    const path = `${kind.group ? `/apis/${kind.group}` : '/api'}/${kind.version}/${kind.plural}`
    const query = 'watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dnone'
    const [event] = await eventsOf(await ask(`${path}?${query}`, as('Table')), 1)
    expect([event.type, event.object.rows.length]).toEqual(['BOOKMARK', 1])
  })
})

test.each([
  ['sendInitialEvents=true', 'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'],
  ['resourceVersionMatch=NotOlderThan', 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'],
])('%s is refused', async (query, fault) => {
  const { status, body } = await watch(query)
  expect([status, body.message]).toEqual([422, `ListOptions.meta.k8s.io "" is invalid: ${fault}`])
})

test('a watch of one name sees that name only, in one namespace and in all', async () => {
  const from = store.revision
  await Promise.all(['named', 'named-too', 'other'].map((name) => create(name)))
  for (const place of [list, '/api/v1/configmaps']) {
    const answer = await ask(`${place}?watch=true&resourceVersion=${from}&timeoutSeconds=1&fieldSelector=metadata.name%3Dnamed`)
    expect(brief(await eventsOf(answer, 1))).toEqual(['ADDED named'])
  }
  const asked: string[] = []
  const plain = store.watch.bind(store)
  store.watch = (prefix, ...rest) => (asked.push(prefix), plain(prefix, ...rest))
  await watch(`resourceVersion=${from}&fieldSelector=metadata.name%3Dnamed`, { signal: AbortSignal.abort() })
  store.watch = plain
  expect(asked, 'changes of other objects do not even reach it').toEqual(['/registry/core/configmaps/default/named'])
})
