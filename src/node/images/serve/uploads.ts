import { createHash, randomUUID, type Hash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../../base/lib/clock.ts'
import type { OciLayout } from '../oci-layout.ts'
import { DistributionError } from './distribution-error.ts'

interface Upload {
  readonly id: string
  readonly repository: string
  readonly file: string
  hash: Hash
  size: number
  usedMs: number
  isBusy: boolean
}

const forgottenAfterMs = 3_600_000

/** Blobs on their way in, each a session of its own, in one piece or in several. */
export class Uploads {
  readonly #layout: OciLayout
  readonly #clock: Clock
  readonly #sessions = new Map<string, Upload>()

  constructor(layout: OciLayout, clock: Clock) {
    this.#layout = layout
    this.#clock = clock
  }

  async begin(repository: string): Promise<Upload> {
    for (const { id, usedMs } of this.#sessions.values()) if (this.#clock.monotonic() - usedMs > forgottenAfterMs) await this.cancel(id)
    const upload = {
      id: randomUUID(),
      repository,
      file: this.#layout.newFile(),
      hash: createHash('sha256'),
      size: 0,
      usedMs: this.#clock.monotonic(),
      isBusy: false,
    }
    await writeFile(upload.file, '')
    this.#sessions.set(upload.id, upload)
    return upload
  }

  find(id: string, repository: string): Upload {
    const upload = this.#sessions.get(id)
    if (upload?.repository !== repository) throw new DistributionError('BLOB_UPLOAD_UNKNOWN')
    return upload
  }

  /** Adds a piece; where its range is named it must go on where the last one ended. A piece that breaks off counts as far as it came. */
  async append(upload: Upload, content: AsyncIterable<Buffer>, range?: string): Promise<void> {
    const from = /^(?:bytes[ =])?(\d+)-(\d+)/.exec(range ?? '')?.[1]
    if (upload.isBusy || (from !== undefined && Number(from) !== upload.size))
      throw new DistributionError('RANGE_INVALID', undefined, { range: rangeOf(upload) })
    upload.isBusy = true
    try {
      const measured = async function* () {
        for await (const chunk of content) {
          upload.hash.update(chunk)
          upload.size += chunk.length
          yield chunk
        }
      }
      await pipeline(measured, createWriteStream(upload.file, { flags: 'r+', start: upload.size }))
    } finally {
      upload.isBusy = false
      upload.usedMs = this.#clock.monotonic()
    }
  }

  async finish(upload: Upload, digest: string): Promise<void> {
    this.#sessions.delete(upload.id)
    const actual = `sha256:${upload.hash.digest('hex')}`
    if (actual !== digest) {
      await rm(upload.file, { force: true })
      throw new DistributionError('DIGEST_INVALID', { digest, actual })
    }
    await rename(upload.file, this.#layout.blobPath(digest))
  }

  async cancel(id: string): Promise<void> {
    const upload = this.#sessions.get(id)
    this.#sessions.delete(id)
    if (upload) await rm(upload.file, { force: true })
  }
}

export const rangeOf = ({ size }: Pick<Upload, 'size'>) => `0-${Math.max(0, size - 1)}`
