import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib'

/** SPDY/3.1, the part that Kubernetes' streaming uses. */
export const frameType = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const
export const flagFin = 0x01

const words = [
  'options',
  'head',
  'post',
  'put',
  'delete',
  'trace',
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'accept-ranges',
  'age',
  'allow',
  'authorization',
  'cache-control',
  'connection',
  'content-base',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expect',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'vary',
  'via',
  'warning',
  'www-authenticate',
  'method',
  'get',
  'status',
  '200 OK',
  'version',
  'HTTP/1.1',
  'url',
  'public',
  'set-cookie',
  'keep-alive',
  'origin',
]
const tail =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently' +
  '400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec ' +
  '00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public' +
  'privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.'

const prefixed = (text: string): Buffer => {
  const body = Buffer.from(text)
  const size = Buffer.alloc(4)
  size.writeUInt32BE(body.length)
  return Buffer.concat([size, body])
}

/** The dictionary of the SPDY/3 draft, section 2.6.10.1. */
export const spdyDictionary: Buffer = Buffer.concat([...words.map(prefixed), Buffer.from(tail)])

export type Headers = Readonly<Record<string, string>>

/** Both directions' header compression: one zlib stream each for the connection's life. Calls must not overlap per direction. */
export class HeaderCodec {
  readonly #inflate: Inflate = createInflate({ dictionary: spdyDictionary })
  readonly #deflate: Deflate = createDeflate({ dictionary: spdyDictionary })

  constructor() {
    this.#inflate.on('error', () => {})
    this.#deflate.on('error', () => {})
  }

  decode(block: Buffer): Promise<Headers> {
    return new Promise((resolve, reject) => {
      this.#inflate.once('error', reject)
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject)
        resolve(parseHeaders(drain(this.#inflate)))
      })
    })
  }

  encode(headers: Headers): Promise<Buffer> {
    const entries = Object.entries(headers)
    const count = Buffer.alloc(4)
    count.writeUInt32BE(entries.length)
    const block = Buffer.concat([count, ...entries.flatMap(([name, value]) => [prefixed(name.toLowerCase()), prefixed(value)])])
    return new Promise((resolve) => {
      this.#deflate.write(block)
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(drain(this.#deflate)))
    })
  }

  close(): void {
    this.#inflate.close()
    this.#deflate.close()
  }
}

const drain = (stream: Inflate | Deflate): Buffer => {
  const parts: Buffer[] = []
  for (let part = stream.read() as Buffer | null; part; part = stream.read() as Buffer | null) parts.push(part)
  return Buffer.concat(parts)
}

const parseHeaders = (block: Buffer): Headers => {
  const headers: Record<string, string> = {}
  let at = 4
  const next = () => {
    const size = block.readUInt32BE(at)
    at += 4 + size
    return block.toString('utf8', at - size, at)
  }
  for (let left = block.length >= 4 ? block.readUInt32BE(0) : 0; left > 0; left--) {
    const name = next()
    headers[name] = next()
  }
  return headers
}

export const controlFrame = (type: number, flags: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(0x8003, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4)
  return Buffer.concat([head, payload])
}

export const dataFrame = (streamId: number, flags: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(streamId, 0)
  head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4)
  return Buffer.concat([head, payload])
}

export const idFrame = (type: number, ...values: readonly number[]): Buffer => {
  const payload = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => payload.writeUInt32BE(value >>> 0, index * 4))
  return controlFrame(type, 0, payload)
}

export interface Frame {
  readonly isControl: boolean
  /** Of a control frame. */
  readonly type: number
  /** Of a data frame. */
  readonly streamId: number
  readonly flags: number
  readonly payload: Buffer
}

/** Cuts a byte stream into frames. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk
    const frames: Frame[] = []
    for (;;) {
      if (this.#rest.length < 8) return frames
      const first = this.#rest.readUInt32BE(0)
      const second = this.#rest.readUInt32BE(4)
      const length = second & 0xffffff
      if (this.#rest.length < 8 + length) return frames
      const isControl = first >>> 31 === 1
      frames.push({
        isControl,
        type: isControl ? first & 0xffff : 0,
        streamId: isControl ? 0 : first & 0x7fffffff,
        flags: second >>> 24,
        payload: this.#rest.subarray(8, 8 + length),
      })
      this.#rest = this.#rest.subarray(8 + length)
    }
  }
}
