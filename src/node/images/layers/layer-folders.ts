import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readPlain } from './compression.ts'
import { type Rewrite, rewriteTar } from './rewrite-tar.ts'
import { fromOverlay, toOverlay } from './whiteouts.ts'

const isRoot = () => process.getuid?.() === 0
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TAR_OPTIONS: '' }

/**
 * Unpacks a layer into an empty folder, in the form overlayfs wants; gives the digest of the plain archive. GNU tar does the writing,
 * outside this process: Node has no call for extended attributes, device nodes, or the owner of a link.
 */
export async function unpackLayer(file: string, folder: string): Promise<string> {
  const hash = createHash('sha256')
  const plain = await readPlain(file)
  const owner = isRoot() ? ['--same-owner', '--xattrs', '--xattrs-include=*'] : ['--no-same-owner']
  const tar = spawn(
    'tar',
    ['--extract', '--file=-', '--preserve-permissions', '--numeric-owner', '--delay-directory-restore', '--warning=no-timestamp', ...owner],
    {
      cwd: folder,
      env: environment,
      stdio: ['pipe', 'ignore', 'pipe'],
    },
  )
  const ended = ending(tar)
  const [written, sent] = await Promise.allSettled([ended, pipeline(rewriteTar(hashing(plain, hash), toOverlay()), tar.stdin)])
  // Where tar gave up, what it says tells more than the broken pipe.
  if (sent.status === 'rejected' && !(written.status === 'rejected' && isPipeEnd(sent.reason))) throw sent.reason
  if (written.status === 'rejected') throw written.reason
  return `sha256:${hash.digest('hex')}`
}

const isPipeEnd = (error: unknown) => ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes((error as NodeJS.ErrnoException).code ?? '')

async function* hashing(source: Readable, hash: ReturnType<typeof createHash>): AsyncGenerator<Buffer> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    hash.update(chunk)
    yield chunk
  }
}

export interface PackOptions {
  /** All entries get this owner; their own where it is absent. */
  readonly owner?: { readonly uid: number; readonly gid: number }
  /** Times of folders are set to zero, so that the same files give the same digest. */
  readonly isReproducible?: boolean
}

/** Packs a folder, as overlayfs left it, as a layer; gives its digest and size. */
export async function packLayer(folder: string, file: string, options: PackOptions = {}): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256')
  let size = 0
  const xattrs = isRoot() ? ['--xattrs', '--xattrs-include=*'] : []
  const tar = spawn('tar', ['--create', '--file=-', '--format=pax', '--sort=name', '--numeric-owner', ...xattrs, '.'], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const translate = fromOverlay()
  const rewrite: Rewrite = (entry) =>
    translate(entry)
      .filter(({ path }) => path !== '' && path !== '.')
      .map((each) => ({
        ...each,
        ...options.owner,
        // Whole seconds, as Docker writes them.
        mtime: options.isReproducible && each.type === 'directory' ? 0 : Math.floor(each.mtime),
      }))
  async function* measured(): AsyncGenerator<Buffer> {
    for await (const chunk of rewriteTar(tar.stdout as AsyncIterable<Buffer>, rewrite)) {
      hash.update(chunk)
      size += chunk.length
      yield chunk
    }
  }
  await Promise.all([ending(tar), pipeline(measured, createWriteStream(file))])
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

function ending(tar: ReturnType<typeof spawn>): Promise<void> {
  let complaint = ''
  tar.stderr!.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(0, 2000)))
  return new Promise((resolve, reject) => {
    tar.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error('the program tar is missing: install GNU tar (apt-get install -y tar)', { cause: error }) : error),
    )
    tar.once('close', (code) => {
      const lines = complaint.trim().split('\n')
      const isBusybox = /unrecognized option|unknown option/.test(complaint)
      if (isBusybox) reject(new Error('the program tar of this machine is not GNU tar, which images need (apk add tar)'))
      else if (code !== 0 || /Cannot set|setxattr/.test(complaint)) reject(new Error(`tar: ${lines[0]?.replace(/^tar: /, '') || `ended with ${code}`}`))
      else resolve()
    })
  })
}
