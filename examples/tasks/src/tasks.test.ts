import { Agent, request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../common/log.ts'
import type { Service } from '../../common/service.ts'
import { readConfig } from './config.ts'
import { startService } from './service.ts'

const lines: string[] = []
let service: Service
const base = (): string => `http://127.0.0.1:${service.port}`

beforeEach(async () => {
  lines.length = 0
  const config = { ...readConfig({ GREETING: 'Moin', POD_NAME: 'tasks-0', DRAIN_MS: '50' }), port: 0 }
  service = await startService({ config, log: createLog({ level: 'info', write: (line) => void lines.push(line) }) })
})
afterEach(() => service.stop())

const post = async (body: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${base()}/tasks`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  return { status: response.status, body: await response.json() }
}

describe('tasks', () => {
  it('are numbered from 1 and listed', async () => {
    expect(await (await fetch(`${base()}/tasks`)).json()).toEqual({ tasks: [] })
    expect(await post('{"title":"a","description":"b"}')).toEqual({ status: 201, body: { id: 1, title: 'a', description: 'b', completed: false, version: 1 } })
    expect(await post('{"title":"c"}')).toMatchObject({ status: 201, body: { id: 2, description: '' } })
    const response = await fetch(`${base()}/tasks/?x=1`)
    expect(response.headers.get('x-served-by')).toBeTruthy()
    expect(await response.json()).toMatchObject({ tasks: [{ id: 1 }, { id: 2 }] })
  })

  const refused: Record<string, unknown> = {
    'not json': { title: 'Bad Request', status: 400, detail: 'the body is not JSON' },
    '[]': { faults: [{ field: '', message: 'must be a JSON object' }] },
    '{}': { faults: [{ field: 'title', message: 'is required' }] },
    '{"title":7,"description":null}': {
      faults: [
        { field: 'title', message: 'must be a string' },
        { field: 'description', message: 'must be a string' },
      ],
    },
    '{"title":"a\\u0000"}': { faults: [{ field: 'title', message: 'must not have a NUL character' }] },
    '{"title":" "}': { faults: [{ field: 'title', message: 'must not be empty' }] },
  }
  for (const [body, answer] of Object.entries(refused)) it(`refuse ${body}`, async () => expect(await post(body)).toMatchObject({ status: 400, body: answer }))

  const ask = async (method: string, path: string, more: { body?: object; ifMatch?: string } = {}) => {
    const response = await fetch(`${base()}${path}`, {
      method,
      ...(more.body ? { body: JSON.stringify(more.body) } : {}),
      headers: more.ifMatch ? { 'if-match': more.ifMatch } : {},
    })
    return { status: response.status, etag: response.headers.get('etag'), body: await response.json() }
  }

  it('are changed and removed, and a change of what was not seen is refused', async () => {
    await post('{"title":"a"}')
    expect(await ask('GET', '/tasks/1')).toMatchObject({ status: 200, etag: '"1"' })
    expect(await ask('PATCH', '/tasks/1', { body: { title: 'b' }, ifMatch: '"1"' })).toMatchObject({ status: 200, etag: '"2"', body: { title: 'b' } })
    for (const method of ['PATCH', 'DELETE']) expect(await ask(method, '/tasks/1', { body: { title: 'c' }, ifMatch: '"1"' })).toMatchObject({ status: 412 })
    expect(await ask('PATCH', '/tasks/1', { body: { title: 'c' }, ifMatch: 'W/"2"' })).toMatchObject({ status: 412 })
    expect(await ask('PATCH', '/tasks/1', { body: { completed: true } })).toMatchObject({ status: 200, body: { title: 'b', completed: true, version: 3 } })
    expect(await ask('DELETE', '/tasks/1', { ifMatch: '"3"' })).toMatchObject({ status: 200 })
    expect(await ask('GET', '/tasks/1')).toMatchObject({ status: 404 })
    for (const path of ['/tasks/0', '/tasks/x', '/tasks/99999999999999999999']) expect(await ask('DELETE', path)).toMatchObject({ status: 404 })
  })

  it('refuse a change that makes no sense, with all faults', async () => {
    expect(await ask('PATCH', '/tasks/1', { body: { title: '', completed: false, id: 7 } })).toMatchObject({
      status: 400,
      body: { faults: [{ field: 'id' }, { field: 'title' }, { field: 'completed' }] },
    })
    expect(await ask('PATCH', '/tasks/1', { body: {} })).toMatchObject({ status: 400 })
  })

  it('come in pages', async () => {
    for (const title of ['a', 'b', 'c']) await post(JSON.stringify({ title }))
    expect((await ask('GET', '/tasks?limit=2')).body).toMatchObject({ tasks: [{ id: 1 }, { id: 2 }], next: 2 })
    expect((await ask('GET', '/tasks?limit=2&after=2')).body).toEqual({ tasks: [expect.objectContaining({ id: 3 })] })
    expect(await ask('GET', '/tasks?limit=0&after=x')).toMatchObject({ status: 400, body: { faults: [{ field: 'after' }, { field: 'limit' }] } })
  })

  it('refuse a body that is too large', async () => expect(await post(JSON.stringify({ title: 'x'.repeat(100_000) }))).toMatchObject({ status: 413 }))
})

it('says who it is, and what it does not know', async () => {
  expect(await (await fetch(base())).json()).toEqual({ name: 'tasks', version: '1.0.0', greeting: 'Moin', keeps: 'memory', pod: 'tasks-0' })
  expect((await fetch(`${base()}/nothing`)).status).toBe(404)
  const wrongMethod = await fetch(`${base()}/tasks`, { method: 'DELETE' })
  expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'GET, POST'])
  expect(await (await fetch(`${base()}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' })
})

it('logs a JSON line a request, but none for probes', async () => {
  await (await fetch(`${base()}/tasks`)).text()
  await (await fetch(`${base()}/healthz`)).text()
  const requests = lines.map((line) => JSON.parse(line) as { message: string }).filter(({ message }) => message === 'request')
  expect(requests).toMatchObject([{ level: 'info', method: 'GET', path: '/tasks', status: 200 }])
})

it('goes away gracefully: not ready, kept connections closed after their answer, then gone', async () => {
  const agent = new Agent({ keepAlive: true })
  const ask = (path: string): Promise<{ status: number; connection: string | undefined }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest(`${base()}${path}`, { agent }, (response) => {
        response.resume()
        response.on('end', () => resolve({ status: response.statusCode!, connection: response.headers.connection }))
      })
      request.on('error', reject).end()
    })
  expect(await ask('/readyz')).toEqual({ status: 200, connection: 'keep-alive' })
  const stopped = service.stop()
  expect(await ask('/tasks')).toEqual({ status: 200, connection: 'close' })
  expect(await ask('/readyz')).toMatchObject({ status: 503 })
  await stopped
  await expect(ask('/tasks')).rejects.toThrow('ECONNREFUSED')
  agent.destroy()
})

it('refuses an environment that makes no sense', () => {
  expect(() => readConfig({ PORT: 'http' })).toThrow('PORT must be a whole number')
  expect(() => readConfig({ ACTIVITY_URL: 'activity' })).toThrow('ACTIVITY_URL must be an http address')
  expect(() => readConfig({ PGHOST: 'db' })).toThrow('PGHOST is set, but not PGDATABASE, PGUSER, PGPASSWORD')
  expect(() => readConfig({ LOG_LEVEL: 'loud' })).toThrow('LOG_LEVEL must be one of')
})
