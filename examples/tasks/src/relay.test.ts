import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryRepository } from './memory-repository.ts'
import { relayEvents } from './relay.ts'

const patience = { timeout: 10_000 }
let server: Server
let received: { title: string; type: unknown; status: number; contentType: string | undefined }[]
let answers: number[]
let lines: string[]
let stop: AbortController

beforeEach(async () => {
  received = []
  answers = []
  lines = []
  stop = new AbortController()
  server = createServer(async (request, response) => {
    const { type, data } = JSON.parse(await text(request)) as { type: string; data: { title: string } }
    const status = answers.shift() ?? 201
    received.push({ title: data.title, type, status, contentType: request.headers['content-type'] })
    response.writeHead(status).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(() => {
  stop.abort()
  server.close()
})

const tell = async (titles: readonly string[]) => {
  const repository = createMemoryRepository()
  for (const title of titles) await repository.add({ title, description: '' })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return relayEvents({ repository, url, log: (level, message) => void lines.push(`${level} ${message}`), signal: stop.signal, pollMs: 1 })
}

it('tells events in order, again and again while the receiver fails', async () => {
  answers = [201, 503, 429, 201]
  void tell(['a', 'b', 'c'])
  await vi.waitFor(() => expect(received.map(({ title, status }) => `${title} ${status}`)).toEqual(['a 201', 'b 503', 'b 429', 'b 201', 'c 201']), patience)
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(2)
  expect(received[0]).toMatchObject({ type: 'task.created', contentType: 'application/cloudevents+json' })
})

it('gives up an event that is refused for good, and goes on', async () => {
  answers = [400]
  void tell(['a', 'b'])
  await vi.waitFor(() => expect(received.map(({ title }) => title)).toEqual(['a', 'b']), patience)
  expect(lines).toContain('error an event was refused and is given up')
})

it('ends by its signal, also while it waits', async () => {
  answers = Array.from({ length: 1000 }, () => 500)
  const running = tell(['a'])
  await vi.waitFor(() => expect(lines).toContain('warn events wait to be told'), patience)
  stop.abort()
  expect(await running).toBeUndefined()
})
