import { spawnSync } from 'node:child_process'
import { closeSync, createWriteStream, openSync, readSync, statSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { request } from 'undici'
import type { RegistryAccess } from '../registry/image-puller.ts'
import { createAgent } from '../registry/transport.ts'

export const isUrl = (source: string) => /^https?:\/\//.test(source)

/** Fetches what ADD names by its address into the folder; gives the file's name. */
export async function fetchUrl(url: string, folder: string, access: RegistryAccess): Promise<string> {
  const agent = await createAgent({ ...access, tls: {} })
  try {
    let current = new URL(url)
    for (let redirects = 0; ; redirects++) {
      const answer = await request(current, { dispatcher: agent })
      const { location } = answer.headers
      if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string' && redirects < 10) {
        await answer.body.dump()
        current = new URL(location, current)
        continue
      }
      if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`)
      const name = basename(new URL(url).pathname)
      if (name === '') throw new Error(`cannot tell a file's name from ${url}`)
      await pipeline(answer.body as Readable, createWriteStream(join(folder, name)))
      await chmod(join(folder, name), 0o600)
      return name
    }
  } finally {
    await agent.destroy()
  }
}

/** Whether the file is a tar archive, compressed or not, which ADD unpacks. */
export function isArchive(file: string): boolean {
  if (!statSync(file).isFile()) return false
  const head = Buffer.alloc(262)
  const fd = openSync(file, 'r')
  const size = readSync(fd, head, 0, head.length, 0)
  closeSync(fd)
  const magic = head.toString('hex', 0, 6)
  const isCompressed = magic.startsWith('1f8b') || magic.startsWith('425a68') || magic === 'fd377a585a00' || magic.startsWith('28b52ffd')
  if (!isCompressed && !(size === 262 && head.toString('latin1', 257, 262) === 'ustar')) return false
  return spawnSync('tar', ['--list', '--file', file], { stdio: 'ignore' }).status === 0
}

export function unpackArchive(file: string, folder: string): void {
  const owner = process.getuid?.() === 0 ? '--same-owner' : '--no-same-owner'
  const { status, stderr } = spawnSync('tar', ['--extract', '--preserve-permissions', '--numeric-owner', owner, '--file', file, '--directory', folder], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${basename(file)}: ${stderr.trim().split('\n')[0] ?? 'tar failed'}`)
}
