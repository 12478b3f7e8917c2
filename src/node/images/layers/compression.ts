import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline, type Readable, type Transform } from 'node:stream'
import * as zlib from 'node:zlib'

/** Since Node 22.15. */
const createZstdDecompress = (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress

/** The plain content of a file that may be compressed; what its first bytes say counts, as media types are often wrong. */
export async function readPlain(file: string): Promise<Readable> {
  const decompress = decompressor(await firstBytes(file))
  const source = createReadStream(file, { highWaterMark: 1 << 18 })
  if (!decompress) return source
  // Errors reach the reader through the last stream.
  return pipeline(source, decompress, () => undefined)
}

function decompressor(head: Buffer): Transform | undefined {
  if (head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b) return zlib.createGunzip({ chunkSize: 1 << 18 })
  if (head.length < 4 || head.readUInt32LE(0) !== 0xfd2fb528) return undefined
  if (!createZstdDecompress) throw new Error(`it is compressed with zstd, which Node reads since 22.15 (this is ${process.version})`)
  return createZstdDecompress()
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
