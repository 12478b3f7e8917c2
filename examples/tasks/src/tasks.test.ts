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
    expect(await post('{"title":"a","description":"b"}')).toEqual({ status: 201, body: { id: 1, title: 'a', description: 'b' } })
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
    '{"title":" "}': { faults: [{ field: 'title', message: 'must not be empty' }] },
  }
  for (const [body, answer] of Object.entries(refused)) it(`refuse ${body}`, async () => expect(await post(body)).toMatchObject({ status: 400, body: answer }))

  it('refuse a body that is too large', async () => expect(await post(JSON.stringify({ title: 'x'.repeat(100_000) }))).toMatchObject({ status: 413 }))
})

it('says who it is, and what it does not know', async () => {
  expect(await (await fetch(base())).json()).toEqual({ name: 'tasks', version: '1.0.0', greeting: 'Moin', pod: 'tasks-0' })
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
  expect(() => readConfig({ LOG_LEVEL: 'loud' })).toThrow('LOG_LEVEL must be one of')
})
