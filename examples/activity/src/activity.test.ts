import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../common/log.ts'
import type { Service } from '../../common/service.ts'
import { readConfig } from './config.ts'
import { startService } from './service.ts'

const lines: string[] = []
const log = createLog({ level: 'info', write: (line) => void lines.push(line) })
let service: Service
const start = (env: Record<string, string> = {}) => startService({ config: { ...readConfig({ DRAIN_MS: '0', ...env }), port: 0 }, log })
const get = async (path: string, of: Service = service) => {
  const response = await fetch(`http://127.0.0.1:${of.port}${path}`)
  return { status: response.status, type: response.headers.get('content-type'), body: (await response.json()) as Record<string, unknown> }
}
const post = async (body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(`http://127.0.0.1:${service.port}/events`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/cloudevents+json', ...headers },
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> }
}
const event = (id: string, more: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/tasks',
  type: 'task.created',
  subject: '1',
  time: '2026-01-01T01:00:00+01:00',
  data: { title: 'Set sail' },
  ...more,
})

beforeEach(async () => {
  lines.length = 0
  service = await start()
})
afterEach(() => service.stop())

it('keeps an event once: 201 the first time, 200 after that', async () => {
  expect(await post(event('a'))).toMatchObject({ status: 201, body: { id: 'a', time: '2026-01-01T00:00:00.000Z', data: { title: 'Set sail' } } })
  expect(await post(event('a', { myextension: 'x' }))).toMatchObject({ status: 200, body: { id: 'a' } })
  const { body } = await get('/activity?subject=1')
  expect(body).toEqual({ activity: [expect.objectContaining({ id: 'a', type: 'task.created' })] })
})

describe('an event that is not valid is refused with', () => {
  const named = (field: string, message: string) => ({ status: 400, title: 'Bad Request', faults: [{ field, message }] })
  const refused: readonly [string, unknown, object][] = [
    ['its syntax', '{', { status: 400, detail: 'the body is not JSON' }],
    ['its form', '[]', named('', 'must be a JSON object')],
    ['the version', event('a', { specversion: '0.3' }), named('specversion', 'must be "1.0"')],
    ['the type', event('a', { type: 'task.sung' }), named('type', 'must be one of task.created, task.completed, task.renamed, task.deleted')],
    ['the id', event(' '), named('id', 'must not be empty')],
    ['the source', event('a', { source: 'x'.repeat(300) }), named('source', 'must have at most 256 characters')],
    ['the subject', event('a', { subject: 7 }), named('subject', 'must be a string')],
    ['a NUL', event('a\0'), named('id', 'must not have control characters')],
    ...['yesterday', '2026-02-01', '2026-13-01T00:00:00Z', '0000-01-01T00:00:00Z'].map((time): [string, unknown, object] => [
      `the time ${time}`,
      event('a', { time }),
      named('time', 'must be a time as of RFC 3339, such as 2026-01-31T12:00:00Z'),
    ]),
  ]
  for (const [name, body, answer] of refused)
    it(name, async () => {
      const reply = await post(body)
      expect(reply).toMatchObject({ status: 400, body: answer })
      expect(reply.headers.get('content-type')).toBe('application/problem+json')
    })

  it('all its faults at once', async () => {
    const { body } = await post({})
    expect((body['faults'] as { field: string }[]).map(({ field }) => field)).toEqual(['specversion', 'source', 'id', 'subject', 'type', 'time'])
  })

  it('415 if it is no JSON by its own words', async () => expect(await post('a=b', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 }))
})

it('lists page after page, newest first, each entry once', async () => {
  for (let index = 0; index < 5; index++) await post(event(String(index), { time: `2026-01-01T00:00:0${index}Z` }))
  const seen: string[] = []
  for (let path: string | undefined = '/activity?limit=2'; path;) {
    const { body } = await get(path)
    seen.push(...(body['activity'] as { id: string }[]).map(({ id }) => id))
    path = body['next'] ? `/activity?limit=2&before=${body['next'] as string}` : undefined
  }
  expect(seen).toEqual(['4', '3', '2', '1', '0'])
})

for (const [query, field] of [
  ['limit=0', 'limit'],
  ['limit=many', 'limit'],
  ['before=WyJub3ciLDFd', 'before'],
  ['before=%00', 'before'],
] as const)
  it(`refuses ?${query}`, async () => expect(await get(`/activity?${query}`)).toMatchObject({ status: 400, body: { faults: [{ field }] } }))

it('gives the newest of several tasks in one answer', async () => {
  await post(event('a'))
  await post(event('b', { type: 'task.completed', time: '2026-02-01T00:00:00Z' }))
  await post(event('c', { subject: '2' }))
  const { body } = await get('/activity/newest?subject=1&subject=2&subject=3')
  expect((body['activity'] as { id: string }[]).map(({ id }) => id)).toEqual(['b', 'c'])
  expect(await get('/activity/newest')).toMatchObject({ status: 400 })
})

it('goes on with the request id and the trace of its caller, and logs both', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const { headers } = await post(event('a'), { 'x-request-id': 'r-1', traceparent })
  expect(headers.get('x-request-id')).toBe('r-1')
  const logged = lines.map((line) => JSON.parse(line) as { message: string }).find(({ message }) => message === 'request')
  expect(logged).toMatchObject({ requestId: 'r-1', traceId: '0af7651916cd43dd8448eb211c80319c', status: 201 })
})

it('stays alive but is not ready, and says what is the matter, while its database is away', async () => {
  const lost = await start({ PGHOST: '127.0.0.1', PGPORT: '1', PGDATABASE: 'a', PGUSER: 'a', PGPASSWORD: 'a' })
  try {
    expect(await get('/healthz', lost)).toMatchObject({ status: 200 })
    expect(await get('/readyz', lost)).toMatchObject({ status: 503, body: { detail: expect.stringContaining('the database does not answer') } })
    expect(await get('/activity', lost)).toMatchObject({ status: 503, type: 'application/problem+json' })
  } finally {
    await lost.stop()
  }
})

it('refuses settings of half a database', () => {
  expect(() => readConfig({ PGHOST: 'db' })).toThrow('PGHOST is set, but not PGDATABASE, PGUSER, PGPASSWORD')
  expect(() => readConfig({ PGHOST: 'db', PGPORT: '-1', PGDATABASE: 'a', PGUSER: 'a', PGPASSWORD: 'a' })).toThrow('PGPORT must be a port')
})
