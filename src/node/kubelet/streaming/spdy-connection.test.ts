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
