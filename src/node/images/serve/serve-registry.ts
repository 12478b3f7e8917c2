import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import type { LocalImageStore } from '../local-image-store.ts'
import { isLoopback } from '../registry/registries.ts'
import { handleBlob, handleUpload } from './blobs.ts'
import { DistributionError } from './distribution-error.ts'
import { handleManifest } from './manifests.ts'
import { Repositories } from './repositories.ts'
import { Uploads } from './uploads.ts'

export interface RegistryContext {
  readonly store: LocalImageStore
  readonly repositories: Repositories
  readonly uploads: Uploads
}

export interface RegistryCall {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  readonly url: URL
  readonly repository: string
  /** What follows the last part of the path that is a word of the protocol: a digest, a tag, an upload's id. */
  readonly reference: string
}

/** Serves the image store by the OCI distribution protocol, to this machine only and without users. */
export async function serveRegistry(options: { store: LocalImageStore; port: number; clock: Clock; log: Log; signal: AbortSignal }): Promise<{ port: number }> {
  const { store, clock, log, signal } = options
  const server = createServer({ requestTimeout: 0 })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const context = { store, repositories: new Repositories(store, `localhost:${port}`), uploads: new Uploads(store.layout, clock) }
  server.on('request', (request, response) => {
    response.setHeader('docker-distribution-api-version', 'registry/2.0')
    void answer(context, request, response).catch((error: unknown) => refuse(error, { request, response, log }))
  })
  signal.addEventListener('abort', () => (server.close(), server.closeAllConnections()), { once: true })
  return { port }
}

async function answer(context: RegistryContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const { method = 'GET' } = request
  // A page in a browser may name this host as well: what it sends with an origin of its own is not for it to send.
  if (request.headers.origin !== undefined || !isLoopback(request.headers.host ?? 'localhost')) throw new DistributionError('UNSUPPORTED')
  if (/^\/v2\/?$/.test(url.pathname)) return json(response, {})
  if (url.pathname === '/v2/_catalog') return page(response, url, { key: 'repositories', names: context.repositories.all() })
  const [, repository = '', kind, reference = ''] =
    /^\/v2\/(.+)\/(tags|blobs\/uploads|blobs|manifests|referrers)\/([^/]*)$/.exec(url.pathname) ?? /^\/v2\/(.+)\/(blobs\/uploads)()$/.exec(url.pathname) ?? []
  if (!kind) throw new DistributionError('NAME_UNKNOWN')
  context.repositories.check(repository)
  const call: RegistryCall = { request, response, method, url, repository, reference: decodeURIComponent(reference) }
  if (kind === 'blobs/uploads') return handleUpload(context, call)
  if (kind === 'blobs') return handleBlob(context, call)
  if (kind === 'manifests') return handleManifest(context, call)
  if (kind === 'tags') return page(response, url, { key: 'tags', names: context.repositories.tags(repository), more: { name: repository } })
  json(response, { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] }, 'application/vnd.oci.image.index.v1+json')
}

function json(response: ServerResponse, body: object, type = 'application/json'): void {
  response.writeHead(200, { 'content-type': type }).end(JSON.stringify(body))
}

/** `n` names after `last`, with a link to the next ones. */
function page(response: ServerResponse, url: URL, { key, names, more = {} }: { key: string; names: readonly string[]; more?: object }): void {
  const last = url.searchParams.get('last')
  const rest = last === null ? names : names.filter((name) => name > last)
  const count = url.searchParams.has('n') ? Number(url.searchParams.get('n')) : rest.length
  const shown = rest.slice(0, Number.isInteger(count) && count >= 0 ? count : rest.length)
  if (shown.length < rest.length && shown.length > 0)
    response.setHeader('link', `<${url.pathname}?n=${shown.length}&last=${encodeURIComponent(shown.at(-1)!)}>; rel="next"`)
  json(response, { ...more, [key]: shown })
}

function refuse(error: unknown, { request, response, log }: { request: IncomingMessage; response: ServerResponse; log: Log }): void {
  const isKnown = error instanceof DistributionError
  const { status, headers, body } = isKnown ? error : new DistributionError('UNKNOWN', (error as Error).message)
  if (!isKnown && !request.destroyed) log.warn({ err: error, method: request.method, path: request.url }, 'the registry could not answer')
  if (response.headersSent) return void response.destroy()
  // What is still on its way is not read: the connection ends with the answer.
  response.writeHead(status, { ...headers, 'content-type': 'application/json', ...(request.complete ? {} : { connection: 'close' }) })
  response.end(request.method === 'HEAD' ? undefined : body)
}
