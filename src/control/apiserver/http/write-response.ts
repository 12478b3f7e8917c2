import type { ServerResponse } from 'node:http'
import type { ApiResponse } from '../request.ts'

export async function writeResponse(response: ServerResponse, { status, headers = {}, body, stream }: ApiResponse): Promise<void> {
  if (stream) return writeStream(response, status, headers, stream)
  const bytes = body === undefined ? '' : typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  const contentType = typeof body === 'object' && !(body instanceof Uint8Array) ? { 'content-type': 'application/json' } : {}
  response.writeHead(status, { ...contentType, ...headers, 'content-length': Buffer.byteLength(bytes), 'cache-control': 'no-cache, private' })
  response.end(bytes)
}

async function writeStream(response: ServerResponse, status: number, headers: object, stream: NonNullable<ApiResponse['stream']>): Promise<void> {
  response.writeHead(status, { ...headers, 'cache-control': 'no-cache, private' } as Record<string, string>)
  response.flushHeaders()
  for await (const chunk of stream) {
    if (response.destroyed) break
    if (!response.write(chunk)) await drained(response)
  }
  response.end()
}

/** Resolves when more may be written, or nothing ever can; leaves no listener on a stream that lives for hours. */
const drained = (response: ServerResponse) =>
  new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
    if (response.destroyed) done()
  })
