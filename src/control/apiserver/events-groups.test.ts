import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { createAsk, eventsOf } from './testing/ask.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
beforeAll(async () => {
  running = await startTestServer()
})
afterAll(() => running.stop())
const ask = createAsk(() => running.server)

const newer = '/apis/events.k8s.io/v1/namespaces/default/events'
const core = '/api/v1/namespaces/default/events'
const note = {
  metadata: { name: 'noted', namespace: 'default' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  regarding: { kind: 'Pod', name: 'web', namespace: 'default', apiVersion: 'v1' },
  note: 'it began',
  reason: 'Began',
  action: 'Begin',
  type: 'Normal',
  reportingController: 'example.com/teller',
  reportingInstance: 'teller-1',
}

test("an Event of one group is the other group's Event, in its words", async () => {
  const watched = await ask(`${core}?watch=true`)
  const created = await ask(newer, { method: 'POST', body: note })
  expect([created.status, created.body.apiVersion, created.body.note]).toEqual([201, 'events.k8s.io/v1', 'it began'])
  const read = await ask(`${core}/noted`)
  expect(read.body).toMatchObject({
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { uid: created.body.metadata.uid, resourceVersion: created.body.metadata.resourceVersion },
    involvedObject: note.regarding,
    message: 'it began',
    reportingComponent: 'example.com/teller',
  })
  expect(await eventsOf(watched, 1)).toEqual([{ type: 'ADDED', object: read.body }])

  await running.client.create(kinds.events, {
    metadata: { name: 'old', namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'db', namespace: 'default' },
    reason: 'Started',
    message: 'old words',
    source: { component: 'kubelet', host: 'n1' },
    count: 2,
    lastTimestamp: '2026-01-01T00:00:00Z',
  } as never)
  expect((await ask(`${newer}/old`)).body).toMatchObject({
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    regarding: { name: 'db' },
    note: 'old words',
    deprecatedSource: { component: 'kubelet', host: 'n1' },
    deprecatedCount: 2,
    deprecatedLastTimestamp: '2026-01-01T00:00:00Z',
  })
})

test('a list in pages, a selection and a Table speak of the same objects', async () => {
  const first = await ask(`${newer}?limit=1`)
  const rest = await ask(`${newer}?limit=5&continue=${first.body.metadata.continue}`)
  expect([...first.body.items, ...rest.body.items].map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual(['noted', 'old'])
  expect((await ask(`${newer}?fieldSelector=regarding.name%3Ddb`)).body.items).toHaveLength(1)
  expect((await ask(`${newer}?fieldSelector=involvedObject.name%3Ddb`)).body.message).toBe('field label not supported: involvedObject.name')
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  const [one, other] = await Promise.all([newer, core].map((path) => ask(path, { headers: { accept } })))
  expect(one!.body.rows.map((row: { cells: unknown[] }) => row.cells)).toEqual(other!.body.rows.map((row: { cells: unknown[] }) => row.cells))
})

test('a patch and a deletion in one group are seen in the other', async () => {
  const patch = { method: 'PATCH', headers: { 'content-type': 'application/merge-patch+json' } }
  const series = { count: 3, lastObservedTime: '2026-01-01T00:01:00.000000Z' }
  expect((await ask(`${newer}/noted`, { ...patch, body: { series } })).status).toBe(200)
  expect((await ask(`${core}/noted`)).body.series).toEqual(series)
  expect((await ask(`${newer}/noted`, { ...patch, body: { note: 'other' } })).body.message).toBe(
    'Event.events.k8s.io "noted" is invalid: note: Invalid value: "other": field is immutable',
  )
  await ask(`${core}/noted`, { method: 'DELETE' })
  expect((await ask(`${newer}/noted`)).status).toBe(404)
})

test('the newer group asks for what the core group does without', async () => {
  const { status, body } = await ask(newer, { method: 'POST', body: { metadata: { name: 'bare' }, regarding: { namespace: 'default' } } })
  expect([status, body.message]).toEqual([
    422,
    'Event.events.k8s.io "bare" is invalid: [eventTime: Required value, reportingController: Required value, reportingInstance: Required value, action: Required value, reason: Required value, type: Required value]',
  ])
})
