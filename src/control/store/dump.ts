import type { Entry, Store } from './store.ts'

/**
 * All that a store holds at one revision, for any driver to take in again: a line of JSON, then a record for each key, then an end.
 *
 *   {"format":1,"revision":4711}\n
 *   key length (4) value length (4) create revision (8, double) revision (8, double) key value
 *   …
 *   0 (4) how many records there were (4)
 */
export const dumpFormat = 1

const headBytes = 24
const pageSize = 500

/** The data are no dump, are cut off, or were written by a newer version. */
export class DumpError extends Error {}

export interface Dump {
  readonly revision: number
  /** In key order. */
  readonly entries: readonly Entry[]
}

/** Reads page by page, so that the store goes on meanwhile; all pages are of the revision at which the first was read. */
export async function* dumpStore(store: Pick<Store, 'list' | 'revision'>): AsyncGenerator<Buffer> {
  const at = store.revision
  yield Buffer.from(`${JSON.stringify({ format: dumpFormat, revision: at })}\n`)
  let count = 0
  for (let start: string | undefined = ''; start !== undefined;) {
    const { entries, next } = store.list('', { start, limit: pageSize, at })
    count += entries.length
    yield Buffer.concat(entries.map(encodeEntry))
    start = next
    await new Promise((resolve) => setImmediate(resolve))
  }
  const end = Buffer.alloc(8)
  end.writeUInt32LE(count, 4)
  yield end
}

function encodeEntry({ key, value, revision, createRevision }: Entry): Buffer {
  const name = Buffer.from(key)
  const head = Buffer.alloc(headBytes)
  head.writeUInt32LE(name.length, 0)
  head.writeUInt32LE(value.length, 4)
  head.writeDoubleLE(createRevision, 8)
  head.writeDoubleLE(revision, 16)
  return Buffer.concat([head, name, value])
}

/** Throws DumpError. */
export function readDump(bytes: Buffer): Dump {
  const { revision, length } = readDumpHead(bytes)
  const entries: Entry[] = []
  let at = length
  const need = (length: number) => {
    if (at + length > bytes.length) throw new DumpError('its objects are cut off')
  }
  for (;;) {
    need(8)
    const [keyLength, valueLength] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)]
    if (keyLength === 0) {
      if (valueLength !== entries.length) throw new DumpError('its objects are not complete')
      return { revision, entries }
    }
    need(headBytes + keyLength + valueLength)
    const keyAt = at + headBytes
    entries.push({
      key: bytes.toString('utf8', keyAt, keyAt + keyLength),
      value: bytes.subarray(keyAt + keyLength, keyAt + keyLength + valueLength),
      createRevision: bytes.readDoubleLE(at + 8),
      revision: bytes.readDoubleLE(at + 16),
    })
    at = keyAt + keyLength + valueLength
  }
}

/** What the first line says, and how long it is. Throws DumpError. */
export function readDumpHead(bytes: Buffer): { readonly revision: number; readonly length: number } {
  const newline = bytes.indexOf(10)
  const { format, revision } = parseHead(bytes.toString('utf8', 0, Math.max(0, newline)))
  if (format > dumpFormat) throw new DumpError(`its objects have format ${format}, and this version reads up to ${dumpFormat}: use the version that wrote it`)
  return { revision, length: newline + 1 }
}

function parseHead(line: string): { format: number; revision: number } {
  try {
    const { format, revision } = JSON.parse(line) as Record<string, unknown>
    if (Number.isInteger(format) && Number.isInteger(revision)) return { format: Number(format), revision: Number(revision) }
  } catch {
    // Said below.
  }
  throw new DumpError('it holds no objects of a cluster')
}
