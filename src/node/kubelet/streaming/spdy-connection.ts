import { Duplex } from 'node:stream'
import { controlFrame, dataFrame, flagFin, FrameParser, frameType, HeaderCodec, idFrame, type Frame, type Headers } from './spdy-frames.ts'

export interface SpdyStream {
  readonly id: number
  readonly headers: Headers
  readonly duplex: Duplex
}

const maxFrameBytes = 32 * 1024
/** A stream whose reader is this far behind holds the connection back: Go's clients heed no window, so nothing else would. */
const maxBufferedBytes = 4 * 1024 * 1024

/**
 * The server's side of a SPDY/3.1 connection over any byte stream. Streams are the client's. What is read is given back by WINDOW_UPDATE;
 * what is sent does not wait for one, since Go's spdystream never sends it: the byte stream's own back-pressure holds.
 */
export class SpdyConnection {
  readonly #socket: Duplex
  readonly #codec = new HeaderCodec()
  readonly #parser = new FrameParser()
  readonly #streams = new Map<number, Duplex>()
  readonly #onStream: (stream: SpdyStream) => void
  readonly #behind = new Map<number, () => void>()
  #work = Promise.resolve()

  constructor(options: { socket: Duplex; onStream: (stream: SpdyStream) => void }) {
    this.#socket = options.socket
    this.#onStream = options.onStream
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    this.#socket.on('close', () => this.#end())
    this.#socket.on('error', () => this.#socket.destroy())
  }

  /** Ends the connection once all that was written is out. */
  async close(): Promise<void> {
    await this.#work.catch(() => undefined)
    this.#socket.end()
  }

  onClose(listener: () => void): void {
    this.#socket.once('close', listener)
  }

  #receive(chunk: Buffer): void {
    this.#socket.pause()
    const frames = this.#parser.push(chunk)
    this.#work = this.#work
      .then(async () => {
        for (const frame of frames) await this.#handle(frame)
        this.#socket.resume()
      })
      .catch(() => void this.#socket.destroy())
  }

  async #handle(frame: Frame): Promise<void> {
    if (!frame.isControl) return this.#handleData(frame)
    const { payload } = frame
    if (frame.type === frameType.synStream)
      return this.#accept(payload.readUInt32BE(0) & 0x7fffffff, await this.#codec.decode(payload.subarray(10)), frame.flags)
    // Headers nobody reads still move the decompressor on.
    if (frame.type === frameType.headers) return void (await this.#codec.decode(payload.subarray(4)))
    if (frame.type === frameType.ping) return void this.#socket.write(controlFrame(frameType.ping, 0, payload))
    if (frame.type === frameType.rstStream) this.#streams.get(payload.readUInt32BE(0) & 0x7fffffff)?.destroy()
  }

  async #handleData({ streamId, flags, payload }: Frame): Promise<void> {
    const stream = this.#streams.get(streamId)
    if (stream && payload.length) {
      stream.push(payload)
      this.#socket.write(Buffer.concat([idFrame(frameType.windowUpdate, streamId, payload.length), idFrame(frameType.windowUpdate, 0, payload.length)]))
    }
    if (flags & flagFin) stream?.push(null)
    if (stream && stream.readableLength > maxBufferedBytes) await new Promise<void>((resolve) => this.#behind.set(streamId, resolve))
  }

  async #accept(id: number, headers: Headers, flags: number): Promise<void> {
    const duplex = this.#duplex(id)
    this.#streams.set(id, duplex)
    const head = Buffer.alloc(4)
    head.writeUInt32BE(id)
    this.#socket.write(controlFrame(frameType.synReply, 0, Buffer.concat([head, await this.#codec.encode({})])))
    if (flags & flagFin) duplex.push(null)
    this.#onStream({ id, headers, duplex })
  }

  #duplex(id: number): Duplex {
    const stream = new Duplex({
      allowHalfOpen: true,
      read: () => this.#caughtUp(id),
      write: (chunk: Buffer, _encoding, done) => this.#send(id, chunk, done),
      final: (done) => void this.#socket.write(dataFrame(id, flagFin, Buffer.alloc(0)), () => done()),
      destroy: (error, done) => {
        this.#streams.delete(id)
        this.#caughtUp(id)
        done(error)
      },
    })
    stream.on('error', () => {})
    return stream
  }

  #caughtUp(id: number): void {
    this.#behind.get(id)?.()
    this.#behind.delete(id)
  }

  #send(id: number, chunk: Buffer, done: () => void): void {
    const frames: Buffer[] = []
    for (let at = 0; at < chunk.length; at += maxFrameBytes) frames.push(dataFrame(id, 0, chunk.subarray(at, at + maxFrameBytes)))
    this.#socket.write(Buffer.concat(frames), () => done())
  }

  #end(): void {
    for (const stream of this.#streams.values()) stream.destroy()
    this.#streams.clear()
    this.#codec.close()
  }
}
