import { createServer, get, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { writeResponse } from './write-response.ts'

test('a stream that waits for its reader again and again leaves no listener behind', async () => {
  const piece = Buffer.alloc(256 * 1024)
  let response: ServerResponse | undefined
  const listeners = () => (response?.listenerCount('close') ?? 0) + (response?.listenerCount('drain') ?? 0)
  let [before, after] = [0, 0]
  const stream = async function* () {
    before = listeners()
    for (let count = 0; count < 30; count++) yield piece
    after = listeners()
  }
  const server = createServer((_, answer) => {
    response = answer
    void writeResponse(answer, { status: 200, stream: stream() })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  let bytes = 0
  await new Promise((resolve) => get({ port, host: '127.0.0.1' }, (answer) => answer.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', resolve)))
  server.close()
  expect({ bytes, listeners: after }).toEqual({ bytes: 30 * piece.length, listeners: before })
})
