import type { Duplex } from 'node:stream'
import { duplexPair } from './test-duplex-pair.ts'
import { expect, it } from 'vitest'
import { SpdyConnection } from './spdy-connection.ts'
import { controlFrame, dataFrame, flagFin, FrameParser, frameType, HeaderCodec, spdyDictionary, type Frame } from './spdy-frames.ts'

it('has the dictionary of the draft', () => expect(spdyDictionary.length).toBe(1423))

it('accepts streams with compressed headers and carries data both ways', async () => {
  const [server, client] = duplexPair()
  const seen: Record<string, string>[] = []
  new SpdyConnection({ socket: server, onStream: ({ headers, duplex }) => (seen.push(headers), duplex.pipe(duplex)) })
  const codec = new HeaderCodec()
  const parser = new FrameParser()
  const frames: Frame[] = []
  const ended = new Promise<void>((resolve) =>
    client.on('data', (chunk: Buffer) => {
      frames.push(...parser.push(chunk))
      if (frames.filter((frame) => !frame.isControl && frame.flags & flagFin).length === 2) resolve()
    }),
  )
  for (const id of [1, 3]) {
    const head = Buffer.alloc(10)
    head.writeUInt32BE(id)
    client.write(controlFrame(frameType.synStream, 0, Buffer.concat([head, await codec.encode({ streamType: `s${id}`, port: '80' })])))
    client.write(dataFrame(id, flagFin, Buffer.from(`hello ${id}`)))
  }
  await ended
  expect(seen).toEqual([
    { streamtype: 's1', port: '80' },
    { streamtype: 's3', port: '80' },
  ])
  const text = (id: number) => Buffer.concat(frames.filter((frame) => frame.streamId === id).map((frame) => frame.payload)).toString()
  expect([text(1), text(3)]).toEqual(['hello 1', 'hello 3'])
  expect(frames.filter((frame) => frame.type === frameType.synReply)).toHaveLength(2)
  client.destroy()
  server.destroy()
})

it('holds the client back while a reader is far behind, and loses nothing', async () => {
  const [server, client] = duplexPair()
  const streams: Duplex[] = []
  new SpdyConnection({ socket: server, onStream: ({ duplex }) => streams.push(duplex) })
  client.resume()
  const head = Buffer.alloc(10)
  head.writeUInt32BE(1)
  client.write(controlFrame(frameType.synStream, 0, Buffer.concat([head, await new HeaderCodec().encode({ streamType: 'data' })])))
  const [count, size] = [16, 1024 * 1024]
  const sent = (async () => {
    for (let at = 0; at < count; at++)
      await new Promise((resolve) => client.write(dataFrame(1, at === count - 1 ? flagFin : 0, Buffer.alloc(size, at)), resolve))
  })()
  await expect.poll(() => streams[0]?.readableLength ?? 0).toBeGreaterThan(4 * size)
  expect(streams[0]!.readableLength).toBeLessThanOrEqual(6 * size)
  let received = 0
  for await (const chunk of streams[0]!) received += (chunk as Buffer).length
  await sent
  expect(received).toBe(count * size)
  client.destroy()
  server.destroy()
})
