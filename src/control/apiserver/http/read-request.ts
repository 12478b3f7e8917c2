import type { IncomingMessage } from 'node:http'
import { createGunzip } from 'node:zlib'
import { StatusError } from '../../../base/machinery/status-error.ts'
import type { ClientSubject } from '../auth/authenticator.ts'
import type { ApiRequest } from '../request.ts'
import { badRequest } from '../errors.ts'

/** A request whose user is not known yet. */
export interface IncomingCall extends Omit<ApiRequest, 'user'> {
  readonly certificate?: ClientSubject | undefined
  /** As it came, for a relay. */
  readonly rawHeaders: readonly string[]
}

/** As upstream's MaxRequestBodyBytes. */
const maxBodyBytes = 3 * 1024 * 1024

interface ReadOptions {
  readonly certificate: ClientSubject | undefined
  readonly signal: AbortSignal
  readonly withoutBody?: boolean
}

export async function readRequest(message: IncomingMessage, { certificate, signal, withoutBody }: ReadOptions): Promise<IncomingCall> {
  const target = message.url ?? '/'
  const mark = target.indexOf('?')
  const body = withoutBody || message.method === 'GET' || message.method === 'HEAD' ? undefined : await readBody(message)
  return {
    method: message.method ?? 'GET',
    path: decodePath(mark < 0 ? target : target.slice(0, mark)),
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: message.headers as Record<string, string>,
    rawHeaders: message.rawHeaders,
    ...(body ? { body } : {}),
    certificate,
    signal,
  }
}

function decodePath(path: string): string {
  try {
    return path.includes('%') ? decodeURIComponent(path) : path
  } catch {
    throw badRequest('the path is not well encoded')
  }
}

async function readBody(message: IncomingMessage): Promise<Uint8Array> {
  const source = message.headers['content-encoding'] === 'gzip' ? message.pipe(createGunzip()) : message
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) throw new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`)
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}
