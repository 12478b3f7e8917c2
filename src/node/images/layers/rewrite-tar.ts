import { blockSize, entryOf, isZeroBlock, paddingOf, readHeader, readPax, type TarEntry, writeHeader } from './tar-entry.ts'

/** Gives the entries to put in the place of one; an entry that keeps the size of the original keeps its content. */
export type Rewrite = (entry: TarEntry) => readonly TarEntry[]

const longestMeta = 1 << 20

/** Reads a tar stream and writes another, entry by entry, with nothing held in memory but one chunk. */
export async function* rewriteTar(source: AsyncIterable<Buffer>, rewrite: Rewrite): AsyncGenerator<Buffer> {
  for await (const { entry, content } of readTar(source)) {
    const entries = rewrite(entry)
    const owner = entry.size === 0 ? undefined : entries.find(({ size, type }) => size === entry.size && type === 'file')
    for (const each of entries) {
      yield writeHeader(each)
      if (each !== owner) continue
      for await (const chunk of content) yield chunk
      yield Buffer.alloc(paddingOf(entry.size))
    }
    for await (const _ of content);
  }
  yield Buffer.alloc(2 * blockSize)
}

/** The entries of a tar stream; the content of each is to be read before the next is asked for (what is left of it is skipped). */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<{ entry: TarEntry; content: AsyncGenerator<Buffer> }> {
  const bytes = new ByteQueue(source)
  const common = new Map<string, Buffer>()
  let own = new Map<string, Buffer>()
  for (;;) {
    const block = await bytes.take(blockSize)
    if (!block || isZeroBlock(block)) break
    const header = readHeader(block)
    if ('xgLK'.includes(header.flag)) {
      if (header.size > longestMeta) throw new Error('a header of the tar archive is too long')
      const content = (await bytes.take(header.size + paddingOf(header.size)))?.subarray(0, header.size)
      if (!content) throw new Error('the tar archive ends in the middle of a header')
      if (header.flag === 'x') own = new Map([...own, ...readPax(content)])
      else if (header.flag === 'g') for (const [key, value] of readPax(content)) common.set(key, value)
      else own.set(header.flag === 'L' ? 'path' : 'linkpath', Buffer.from(content.subarray(0, content.indexOf(0) === -1 ? undefined : content.indexOf(0))))
      continue
    }
    const read = entryOf(header, new Map([...common, ...own]))
    own = new Map()
    const entry = read.type === 'file' ? read : { ...read, size: 0 }
    const content = bytes.stream(entry.size)
    yield { entry, content }
    for await (const _ of content);
    await bytes.take(paddingOf(entry.size))
  }
  // What compressors and padding put behind the end belongs to the stream's digest: it is read to its end.
  await bytes.drain()
}

class ByteQueue {
  readonly #source: AsyncIterator<Buffer>
  #pending: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Exactly so many bytes, or undefined where the source ended before. */
  async take(count: number): Promise<Buffer | undefined> {
    while (this.#pending.length < count) {
      const next = await this.#source.next()
      if (next.done) {
        if (this.#pending.length > 0) throw new Error('the tar archive is cut off')
        return count === 0 ? Buffer.alloc(0) : undefined
      }
      this.#pending = this.#pending.length === 0 ? next.value : Buffer.concat([this.#pending, next.value])
    }
    const taken = this.#pending.subarray(0, count)
    this.#pending = this.#pending.subarray(count)
    return taken
  }

  async *stream(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0;) {
      if (this.#pending.length === 0) {
        const next = await this.#source.next()
        if (next.done) throw new Error('the tar archive is cut off')
        this.#pending = next.value
      }
      const chunk = this.#pending.subarray(0, left)
      this.#pending = this.#pending.subarray(chunk.length)
      left -= chunk.length
      yield chunk
    }
  }

  async drain(): Promise<void> {
    this.#pending = Buffer.alloc(0)
    while (!(await this.#source.next()).done);
  }
}
