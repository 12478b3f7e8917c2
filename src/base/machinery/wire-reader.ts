/** Reads the protobuf wire format. Bounds are checked: a message that lies about its lengths is refused. */
export class WireReader {
  #at = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  tag(): { field: number; wireType: number } {
    const tag = Number(this.varint())
    return { field: Math.floor(tag / 8), wireType: tag % 8 }
  }

  /** As 64 bits, signed: protobuf writes a negative int32 as ten bytes. */
  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new ProtobufError('unexpected EOF')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    throw new ProtobufError('proto: integer overflow')
  }

  /** A view of the input, not a copy. */
  bytes(): Uint8Array {
    const length = Number(this.varint())
    if (length < 0 || this.#at + length > this.#bytes.length) throw new ProtobufError('unexpected EOF')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  double(): number {
    this.#skipBytes(8)
    return this.#view.getFloat64(this.#at - 8, true)
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint()
    else if (wireType === 1) this.#skipBytes(8)
    else if (wireType === 2) this.bytes()
    else if (wireType === 5) this.#skipBytes(4)
    else throw new ProtobufError(`proto: illegal wireType ${wireType}`)
  }

  #skipBytes(count: number): void {
    this.#at += count
    if (this.#at > this.#bytes.length) throw new ProtobufError('unexpected EOF')
  }
}

export class ProtobufError extends Error {
  override name = 'ProtobufError'
}
