import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createPlainServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { askGrpcHealth } from './grpc-health.ts'

const servers: (Http2Server | Server)[] = []
afterEach(() => servers.splice(0).forEach((server) => server.close()))

const listen = async (server: Http2Server | Server): Promise<number> => {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A health service that answers each name its own way, as grpc-go puts it on the wire. */
const serve = (answers: Record<string, (stream: ServerHttp2Stream) => void>) => {
  const server = createServer()
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const message = Buffer.concat(chunks).subarray(5)
      const nameAt = message.length > 129 ? 3 : 2
      const name = headers[':path'] === '/grpc.health.v1.Health/Check' ? message.subarray(nameAt).toString() : 'wrong path'
      answers[name]?.(stream)
    })
  })
  return listen(server)
}

const respond = (status: number) => (stream: ServerHttp2Stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, status]))
}
const refuse = (code: number, message: string) => (stream: ServerHttp2Stream) =>
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code), 'grpc-message': message }, { endStream: true })

describe('a gRPC probe', () => {
  const long = 's'.repeat(200)
  it.each([
    ['', respond(1), true, 'service healthy'],
    ['shop', respond(2), false, 'service unhealthy (responded with "NOT_SERVING")'],
    [long, respond(1), true, 'service healthy'],
    ['new', refuse(5, 'unknown%20service'), false, 'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service'],
    ['none', refuse(12, 'no'), false, 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): no'],
    ['slow', () => {}, false, 'timeout: health rpc did not complete within 0.2s'],
  ] as const)('of the service %j', async (service, answer, ok, message) => {
    const port = await serve({ [service]: answer })
    expect(await askGrpcHealth({ host: '127.0.0.1', port, service, timeoutMs: service === 'slow' ? 200 : 2_000 })).toEqual({ ok, message })
  })

  it('says who refused it', async () => {
    const port = await listen(createPlainServer())
    servers.pop()?.close()
    expect(await askGrpcHealth({ host: '127.0.0.1', port, timeoutMs: 1_000 })).toEqual({
      ok: false,
      message: `error: failed to connect service at "127.0.0.1:${port}": connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:${port}: connect: connection refused"`,
    })
  })

  it('gives up on a server that accepts and says nothing', async () => {
    const sockets: { destroy(): void }[] = []
    const port = await listen(createPlainServer((socket) => void sockets.push(socket)))
    const { message } = await askGrpcHealth({ host: '127.0.0.1', port, timeoutMs: 100 })
    sockets.forEach((socket) => socket.destroy())
    expect(message).toBe(`timeout: failed to connect service "127.0.0.1:${port}" within 0.1s: context deadline exceeded`)
  })
})
