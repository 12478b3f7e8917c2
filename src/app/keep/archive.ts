import { spawn } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { constants, createGunzip, createGzip } from 'node:zlib'
import { blockSize, paddingOf, readHeader } from '../../node/images/layers/tar-entry.ts'
import { UserError } from '../cluster/errors.ts'

const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TAR_OPTIONS: '' }

/** Packs these names of a folder, in this order, into one compressed file of mode 0600. The file appears when it is complete and on disk. */
export async function packArchive(file: string, folder: string, names: readonly string[]): Promise<void> {
  const draft = `${file}.part`
  const tar = spawn('tar', ['--create', '--file=-', '--format=pax', '--numeric-owner', '--sparse', ...attributes(), '--', ...names], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    // Speed before size: most of a database's pages are packed well at any level.
    const compress = createGzip({ level: constants.Z_BEST_SPEED })
    await Promise.all([ended(tar), pipeline(tar.stdout, compress, createWriteStream(draft, { mode: 0o600 }))])
    const handle = await open(draft)
    await handle.sync().finally(() => handle.close())
    await rename(draft, file)
  } catch (error) {
    tar.kill()
    await rm(draft, { force: true })
    throw new UserError(`${file} was not written: ${(error as Error).message}`, { cause: error })
  }
}

/** Unpacks all of it into an empty folder. */
export async function unpackArchive(file: string, folder: string): Promise<void> {
  const tar = spawn('tar', ['--extract', '--file=-', '--preserve-permissions', '--numeric-owner', '--delay-directory-restore', ...attributes()], {
    cwd: folder,
    env: environment,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  const [written, sent] = await Promise.allSettled([ended(tar), pipeline(createReadStream(file), createGunzip(), tar.stdin)])
  if (sent.status === 'rejected' && !isPipeEnd(sent.reason)) throw damaged(file, sent.reason)
  if (written.status === 'rejected') throw new UserError(`${file} cannot be unpacked: ${(written.reason as Error).message}`, { cause: written.reason })
}

/** The text of the archive's first member, which must have this name; nothing beyond it is read. */
export async function readFirstMember(file: string, name: string): Promise<string> {
  let bytes = Buffer.alloc(0)
  try {
    const source = createReadStream(file)
    source.once('error', (error) => plain.destroy(error))
    const plain = source.pipe(createGunzip())
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      bytes = Buffer.concat([bytes, chunk])
      const text = memberOf(bytes, name)
      if (text !== undefined) {
        source.destroy()
        return text
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR') throw new UserError(`${file} cannot be read: ${explain(code)}`, { cause: error })
    throw bytes.length > 0 || code === 'Z_BUF_ERROR' ? damaged(file, error) : new UserError(`${file} is no backup of knarr`, { cause: error })
  }
  throw new UserError(`${file} is no backup of knarr`)
}

const explain = (code: string) => ({ ENOENT: 'there is no such file', EISDIR: 'it is a folder' })[code] ?? 'permission denied'

/** Undefined: more bytes are needed. Throws where the first member has another name. */
function memberOf(bytes: Buffer, name: string): string | undefined {
  for (let at = 0; at + blockSize <= bytes.length;) {
    const { flag, size, block } = readHeader(bytes.subarray(at, at + blockSize))
    const end = at + blockSize + size
    // Times finer than a second stand in a header of their own.
    if (flag === 'x' || flag === 'g') at = end + paddingOf(size)
    else if (block.toString('latin1', 0, 100).replace(/\0.*$/s, '') !== name) throw new Error('it begins with something else')
    else return end <= bytes.length ? bytes.toString('utf8', at + blockSize, end) : undefined
  }
  return undefined
}

const damaged = (file: string, cause: unknown) =>
  new UserError(
    `${file} is ${(cause as NodeJS.ErrnoException).code === 'Z_BUF_ERROR' ? 'cut off' : `damaged (${(cause as Error).message})`}: use another copy of it`,
    { cause },
  )

const attributes = () => (process.getuid?.() === 0 ? ['--xattrs', '--xattrs-include=*'] : [])

const isPipeEnd = (error: unknown) => ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes((error as NodeJS.ErrnoException).code ?? '')

function ended(tar: ReturnType<typeof spawn>): Promise<void> {
  let complaint = ''
  tar.stderr!.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, 2000)))
  return new Promise((resolve, reject) => {
    tar.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error('the program tar is missing (apt-get install -y tar)', { cause: error }) : error),
    )
    tar.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(complaint.split('\n')[0]?.replace(/^tar: /, '') || `tar ended with ${String(code)}`)),
    )
  })
}
