/** One entry of a tar archive (POSIX.1-2001 pax, with GNU's long names), without its content. */
export interface TarEntry {
  readonly path: string
  readonly type: TarType
  readonly linkPath: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  /** Seconds, possibly with a fraction. */
  readonly mtime: number
  readonly device: readonly [major: number, minor: number]
  /** Extended attributes by name, such as `security.capability`. */
  readonly xattrs: ReadonlyMap<string, Buffer>
}

export type TarType = 'file' | 'hardlink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo'

export const blockSize = 512
const xattrPrefix = 'SCHILY.xattr.'
const types: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
}
const flags: Readonly<Record<TarType, string>> = { file: '0', hardlink: '1', symlink: '2', character: '3', block: '4', directory: '5', fifo: '6' }

/** A header block as it stands, before longer values of preceding blocks are put in. */
export interface RawHeader {
  readonly flag: string
  readonly size: number
  readonly block: Buffer
}

export type PaxRecords = ReadonlyMap<string, Buffer>

export function readHeader(block: Buffer): RawHeader {
  if (checksumOf(block) !== readNumber(block, 148, 8)) throw new Error('this is not a tar archive, or it is damaged (checksum of a header)')
  return { flag: String.fromCharCode(block[156]!), size: readNumber(block, 124, 12), block }
}

export const isZeroBlock = (block: Buffer) => block.every((byte) => byte === 0)

/** Puts the values of the pax records (and of GNU's long names, given as `path` and `linkpath`) over the header's own. */
export function entryOf({ block, flag, size }: RawHeader, pax: PaxRecords): TarEntry {
  const type = types[flag]
  if (!type || [...pax.keys()].some((key) => key.startsWith('GNU.sparse')))
    throw new Error(`entries of type ${JSON.stringify(flag)} (or sparse) are not supported`)
  const number = (key: string, otherwise: number) => (pax.has(key) ? Number(pax.get(key)!.toString()) : otherwise)
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? readText(block, 345, 155) : ''
  const name = readText(block, 0, 100)
  const path = pax.get('path')?.toString() ?? (prefix ? `${prefix}/${name}` : name)
  return {
    path,
    // Old archives mark a folder by the slash at its end alone.
    type: type === 'file' && path.endsWith('/') ? 'directory' : type,
    linkPath: pax.get('linkpath')?.toString() ?? readText(block, 157, 100),
    mode: readNumber(block, 100, 8) & 0o7777,
    uid: number('uid', readNumber(block, 108, 8)),
    gid: number('gid', readNumber(block, 116, 8)),
    size: number('size', size),
    mtime: number('mtime', readNumber(block, 136, 12)),
    device: [readNumber(block, 329, 8), readNumber(block, 337, 8)],
    xattrs: new Map([...pax].flatMap(([key, value]) => (key.startsWith(xattrPrefix) ? [[key.slice(xattrPrefix.length), value] as const] : []))),
  }
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
export function readPax(content: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < content.length && content[at] !== 0;) {
    const space = content.indexOf(32, at)
    const length = Number(content.toString('latin1', at, space))
    if (!Number.isInteger(length) || length <= 0) throw new Error('a pax header is damaged')
    const record = content.subarray(space + 1, at + length - 1)
    const equals = record.indexOf(61)
    records.set(record.toString('utf8', 0, equals), Buffer.from(record.subarray(equals + 1)))
    at += length
  }
  return records
}

/** The header block, after a pax header where a value does not fit. */
export function writeHeader(entry: TarEntry): Buffer {
  const pax = new Map<string, Buffer>([...entry.xattrs].map(([key, value]) => [`${xattrPrefix}${key}`, value]))
  const text = (key: string, value: string) => {
    const bytes = Buffer.from(value)
    if (bytes.length > 100) pax.set(key, bytes)
    return bytes.subarray(0, 100)
  }
  const number = (key: string, value: number, most: number) => {
    if (Number.isInteger(value) && value >= 0 && value <= most) return value
    pax.set(key, Buffer.from(String(value)))
    return Math.min(Math.max(0, Math.trunc(value)), most)
  }
  const path = entry.type === 'directory' && !entry.path.endsWith('/') ? `${entry.path}/` : entry.path
  const block = Buffer.alloc(blockSize)
  text('path', path).copy(block, 0)
  text('linkpath', entry.linkPath).copy(block, 157)
  writeNumber(block, entry.mode, 100, 8)
  writeNumber(block, number('uid', entry.uid, 0o7777777), 108, 8)
  writeNumber(block, number('gid', entry.gid, 0o7777777), 116, 8)
  writeNumber(block, number('size', entry.size, 0o77777777777), 124, 12)
  writeNumber(block, number('mtime', entry.mtime, 0o77777777777), 136, 12)
  writeNumber(block, entry.device[0], 329, 8)
  writeNumber(block, entry.device[1], 337, 8)
  return Buffer.concat([...(pax.size > 0 ? [writePax(pax)] : []), seal(block, flags[entry.type])])
}

function writePax(records: PaxRecords): Buffer {
  const content = Buffer.concat(
    [...records].map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')])
      let length = rest.length + 1
      while (String(length).length + rest.length !== length) length = String(length).length + rest.length
      return Buffer.concat([Buffer.from(String(length)), rest])
    }),
  )
  const block = Buffer.alloc(blockSize)
  block.write('PaxHeaders/0')
  writeNumber(block, 0o644, 100, 8)
  for (const at of [108, 116]) writeNumber(block, 0, at, 8)
  writeNumber(block, content.length, 124, 12)
  writeNumber(block, 0, 136, 12)
  return Buffer.concat([seal(block, 'x'), content, Buffer.alloc(paddingOf(content.length))])
}

/** Zeros between a content of this size and the next block. */
export const paddingOf = (size: number) => (blockSize - (size % blockSize)) % blockSize

function seal(block: Buffer, flag: string): Buffer {
  block.write(flag, 156)
  block.write('ustar\x0000', 257, 'latin1')
  block.write(`${checksumOf(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** The sum of all bytes, with the field of the sum itself as spaces. */
function checksumOf(block: Buffer): number {
  let sum = 8 * 32
  for (let at = 0; at < blockSize; at++) if (at < 148 || at >= 156) sum += block[at]!
  return sum
}

const readText = (block: Buffer, at: number, length: number) => {
  const end = block.indexOf(0, at)
  return block.toString('utf8', at, end === -1 || end > at + length ? at + length : end)
}

/** Octal, or GNU's base-256 where the first bit is set. */
function readNumber(block: Buffer, at: number, length: number): number {
  if (block[at]! & 0x80) {
    let value = block[at]! & 0x7f
    for (let index = 1; index < length; index++) value = value * 256 + block[at + index]!
    return value
  }
  const text = block
    .toString('latin1', at, at + length)
    .replace(/[\0 ]+$/, '')
    .trim()
  return text === '' ? 0 : Number.parseInt(text, 8)
}

function writeNumber(block: Buffer, value: number, at: number, length: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1')
}
