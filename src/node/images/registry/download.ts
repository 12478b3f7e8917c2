import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Descriptor, OciLayout } from '../oci-layout.ts'
import { PullError } from './registry-error.ts'
import { refusal, type RegistryClient } from './registry-client.ts'

export interface DownloadOptions {
  readonly client: RegistryClient
  readonly layout: OciLayout
  readonly descriptor: Descriptor
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onBytes?: (count: number) => void
}

const attempts = 6
const firstDelayMs = 400

/** Fetches a blob into the store. What was had before a cut-off is kept, by this process and by one that died, and asked for no more. */
export async function downloadBlob(options: DownloadOptions): Promise<void> {
  const { layout, descriptor, clock, signal } = options
  if (layout.hasBlob(descriptor.digest)) return
  const file = layout.takePartial(descriptor.digest)
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(options, file)
      break
    } catch (error) {
      signal.throwIfAborted()
      const isFinal = error instanceof PullError && !error.isTransient && !(error instanceof DigestMismatch)
      if (isFinal || attempt === attempts || (error instanceof DigestMismatch && attempt > 1)) throw asPullError(error, descriptor)
      await clock.sleep(firstDelayMs * 2 ** (attempt - 1), signal)
    }
  }
  await rename(file, layout.blobPath(descriptor.digest))
}

class DigestMismatch extends PullError {}

async function fetchRest({ client, descriptor, signal, onBytes }: DownloadOptions, file: string): Promise<void> {
  const { hash, size: had } = await hashOf(file, descriptor)
  let size = had
  if (size < descriptor.size || size === 0) {
    const path = `blobs/${descriptor.digest}`
    const answer = await client.send({ method: 'GET', path, signal, ...(size > 0 ? { headers: { range: `bytes=${size}-` } } : {}) })
    if (answer.statusCode !== 200 && answer.statusCode !== 206)
      throw await refusal(answer, { what: descriptor.digest, method: 'GET', url: `${client.endpoint.url}/v2/${client.endpoint.repository}/${path}` })
    // One that knows no ranges answers from the beginning.
    const skip = answer.statusCode === 200 ? size : 0
    const handle = await open(file, 'a')
    try {
      let toSkip = skip
      for await (const received of answer.body as AsyncIterable<Buffer>) {
        const chunk = received.subarray(Math.min(toSkip, received.length))
        toSkip -= received.length - chunk.length
        if (chunk.length === 0) continue
        if ((size += chunk.length) > descriptor.size) break
        hash.update(chunk)
        await handle.write(chunk)
        onBytes?.(chunk.length)
      }
      await handle.datasync()
    } finally {
      await handle.close()
      answer.body.on('error', () => undefined).destroy()
    }
  }
  const digest = `sha256:${hash.digest('hex')}`
  if (size < descriptor.size) throw new Error(`the connection ended after ${size} of ${descriptor.size} bytes`)
  if (digest === descriptor.digest && size === descriptor.size) return
  await rm(file, { force: true })
  throw new DigestMismatch(
    `failed commit on ref "${descriptor.digest}": unexpected commit digest ${digest}, expected ${descriptor.digest}: failed precondition`,
  )
}

async function hashOf(file: string, descriptor: Descriptor) {
  const hash = createHash('sha256')
  let size = 0
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(chunk)
      size += chunk.length
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  if (size <= descriptor.size) return { hash, size }
  await rm(file)
  return { hash: createHash('sha256'), size: 0 }
}

const asPullError = (error: unknown, { digest }: Descriptor) =>
  error instanceof PullError ? error : new PullError(`failed to copy ${digest}: ${(error as Error).message}`, { cause: error })
