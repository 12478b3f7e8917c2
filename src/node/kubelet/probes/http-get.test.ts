import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Container, HTTPGetAction } from '../../../base/api/generated/types.ts'
import type { ContainerRuntime } from '../../runtime/runtime.ts'
import { askProbe } from './handlers.ts'

const container = { name: 'c', ports: [{ name: 'web', containerPort: 80 }] } as unknown as Container
let server: Server
let port = 0
let seen: { url: string | undefined; headers: Record<string, unknown> }[] = []

const routes: Record<string, RequestListener> = {
  '/ok': (_, response) => response.end('fine'),
  '/no': (_, response) => response.writeHead(503).end('secret'),
  '/here': (_, response) => response.writeHead(302, { location: '/ok' }).end(),
  '/here-no': (_, response) => response.writeHead(307, { location: '/no' }).end(),
  '/there': (_, response) => response.writeHead(301, { location: 'http://elsewhere.example/' }).end('moved'),
  '/nowhere': (_, response) => response.writeHead(304).end(),
  '/round': (_, response) => response.writeHead(302, { location: '/round' }).end(),
  '/silent': () => {},
  '/endless': (_, response) => response.writeHead(200).write('x'),
  '/long': (_, response) => response.writeHead(200).write('x'.repeat(20_000)),
}

beforeEach(async () => {
  seen = []
  server = createServer((request, response) => {
    seen.push({ url: request.url, headers: request.headers })
    routes[request.url ?? '']?.(request, response)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  port = (server.address() as AddressInfo).port
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const ask = (httpGet: Partial<HTTPGetAction>, timeoutMs = 1_000) =>
  askProbe({ httpGet: { port, ...httpGet } as HTTPGetAction }, { runtime: {} as ContainerRuntime, container, containerId: 'id', ip: '127.0.0.1', timeoutMs })

describe('an HTTP probe', () => {
  it.each([
    ['/ok', { ok: true, message: 'fine' }],
    ['no', { ok: false, message: 'HTTP probe failed with statuscode: 503' }],
    ['/here', { ok: true, message: 'fine' }],
    ['/here-no', { ok: false, message: 'HTTP probe failed with statuscode: 503' }],
    ['/there', { ok: true, message: 'Probe terminated redirects, Response body: moved', isWarning: true }],
    ['/nowhere', { ok: true, message: 'Probe terminated redirects, Response body: ', isWarning: true }],
    ['/long', { ok: true, message: 'x'.repeat(10 * 1024) }],
  ])('of %s', async (path, answer) => {
    expect(await ask({ path })).toEqual(answer)
  })

  it('gives up on a ring, on silence and on a body without end', async () => {
    expect((await ask({ path: '/round' })).message).toMatch(/^Get "http:.*\/round": stopped after 10 redirects$/)
    expect((await ask({ path: '/silent' }, 50)).message).toContain('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
    expect((await ask({ path: '/endless' }, 50)).message).toContain('context deadline exceeded (Client.Timeout exceeded while reading body)')
  })

  it('is told from other visitors by its headers, which the probe may set itself', async () => {
    await ask({ path: '/ok' })
    await ask({
      path: '/ok',
      httpHeaders: [
        { name: 'User-agent', value: 'mine' },
        { name: 'host', value: 'shop.example' },
        { name: 'Accept', value: '' },
      ],
    })
    expect(seen[0]?.headers).toMatchObject({ 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' })
    expect(seen[1]?.headers).toMatchObject({ 'user-agent': 'mine', host: 'shop.example' })
    expect(seen[1]?.headers).not.toHaveProperty('accept')
  })

  it('says who refused it, and cannot be put to a port that has no such name', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => closed.once('listening', resolve))
    const { port: gone } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    expect(await ask({ port: gone })).toEqual({
      ok: false,
      message: `Get "http://127.0.0.1:${gone}/": dial tcp 127.0.0.1:${gone}: connect: connection refused`,
    })
    await expect(ask({ port: 'admin' })).rejects.toThrow("couldn't find port: admin")
  })
})
