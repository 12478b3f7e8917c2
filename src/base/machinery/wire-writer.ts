// Writes the protobuf wire format, from the leaves up: a message is the bytes of its fields, joined.

function varint(value: number): number[] {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest]
    out.push((rest % 128) + 128)
  }
}

/** For whole numbers from zero up to 2^53. */
export const varintField = (field: number, value: number): Uint8Array => Uint8Array.from([...varint(field * 8), ...varint(value)])

export const lengthDelimited = (field: number, bytes: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes])

export const joinFields = (fields: readonly Uint8Array[]): Uint8Array => Buffer.concat(fields)
