/**
 * Writes protobuf messages from their end to their start: whatever has a length is written before its length, so nothing is measured
 * twice or copied. Fields are therefore written from the highest number to the lowest, and lists from their last element.
 */
export class MessageWriter {
  #buffer: Buffer
  /** Where the written bytes begin; they reach to the buffer's end. */
  #start: number

  constructor(sizeHint = 1024) {
    this.#buffer = Buffer.allocUnsafe(sizeHint)
    this.#start = sizeHint
  }

  /** How many bytes are written; the length of a message is the difference of two of these. */
  get length(): number {
    return this.#buffer.length - this.#start
  }

  /** What was written, as a copy of its own; the writer may be used again after `clear`. */
  take(): Uint8Array {
    return Buffer.from(this.#buffer.subarray(this.#start))
  }

  clear(): void {
    this.#start = this.#buffer.length
  }

  tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType)
  }

  /** For whole numbers; a negative one is written as 64 bits. */
  varint(value: number): void {
    if (value < 0) return this.#bigVarint(BigInt.asUintN(64, BigInt(value)))
    let size = 1
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
    let at = this.#reserve(size)
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[at++] = (rest % 128) | 0x80
    this.#buffer[at] = rest
  }

  #bigVarint(value: bigint): void {
    const bytes: number[] = []
    let rest = value
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
    this.raw([...bytes, Number(rest)])
  }

  raw(bytes: ArrayLike<number>): void {
    // Before the buffer is looked at: it may be another one afterwards.
    const at = this.#reserve(bytes.length)
    this.#buffer.set(bytes, at)
  }

  /** The field's length and bytes; its tag comes next. */
  delimited(bytes: Uint8Array): void {
    this.raw(bytes)
    this.varint(bytes.length)
  }

  /** UTF-8 after its length. */
  text(value: string): void {
    const size = this.#writeAscii(value) ? value.length : this.#writeUtf8(value)
    this.varint(size)
  }

  double(value: number): void {
    const at = this.#reserve(8)
    this.#buffer.writeDoubleLE(value, at)
  }

  /** False, and nothing written, for what is not ASCII or so long that a native copy is faster. */
  #writeAscii(value: string): boolean {
    if (value.length > 48) return false
    const at = this.#reserve(value.length)
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > 127) {
        this.#start += value.length
        return false
      }
      this.#buffer[at + index] = code
    }
    return true
  }

  #writeUtf8(value: string): number {
    const size = Buffer.byteLength(value)
    const at = this.#reserve(size)
    this.#buffer.write(value, at, size, 'utf8')
    return size
  }

  #reserve(size: number): number {
    if (size > this.#start) this.#grow(size)
    this.#start -= size
    return this.#start
  }

  #grow(size: number): void {
    const used = this.length
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + size))
    this.#buffer.copy(grown, grown.length - used, this.#start)
    this.#start = grown.length - used
    this.#buffer = grown
  }
}
