import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { tarOf } from '../layers/test-tar.ts'
import { mediaTypes, sha256Of } from '../oci-layout.ts'
import { hostPlatform } from '../platform.ts'

export interface TestRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** `METHOD PATH STATUS`, with a range behind it where one was asked for. */
  readonly requests: string[]
  readonly blobs: Map<string, Buffer>
  /** By `repository:tag` or `repository@digest`. */
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Buffer }>
  /** Called before each answer; true where it has answered. */
  fault: (request: IncomingMessage, response: ServerResponse) => boolean
  close(): void
}

/** A registry in this process that serves what it is given, and breaks as it is told. */
export async function startTestRegistry(): Promise<TestRegistry> {
  const server = createServer((request, response) => answer(registry, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const registry: TestRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    blobs: new Map(),
    manifests: new Map(),
    fault: () => false,
    close: () => closeNow(server),
  }
  return registry
}

function answer(registry: TestRegistry, request: IncomingMessage, response: ServerResponse): void {
  const range = request.headers.range
  const path = request.url!.replace(/\?.*/, '')
  response.once('finish', () => registry.requests.push(`${request.method} ${path} ${response.statusCode}${range ? ` ${range}` : ''}`))
  if (registry.fault(request, response)) return
  const [, repository, kind, name] = /^\/v2\/(.+)\/(blobs|manifests)\/(.+)$/.exec(path) ?? []
  const manifest = kind === 'manifests' ? registry.manifests.get(`${repository}${name!.startsWith('sha256:') ? '@' : ':'}${name}`) : undefined
  const bytes = kind === 'blobs' ? registry.blobs.get(name!) : manifest?.bytes
  if (!bytes) return void response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
  const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
  const headers = manifest ? { 'content-type': manifest.type, 'docker-content-digest': sha256Of(bytes) } : { 'content-type': 'application/octet-stream' }
  response.writeHead(range ? 206 : 200, { ...headers, 'content-length': bytes.length - from })
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(from))
}

function closeNow(server: Server): void {
  server.close()
  server.closeAllConnections()
}

export interface TestImage {
  readonly repository: string
  readonly tag?: string
  /** A layer each: entries of its archive. */
  readonly layers: readonly Parameters<typeof tarOf>[0][]
  readonly compress?: (bytes: Buffer) => Buffer
  readonly config?: Record<string, unknown>
  /** Also an index of several platforms, which the tag then names. */
  readonly isMultiArch?: boolean
}

/** Puts an image there; gives the digest that its tag names, and those of its layers. */
export function putImage(registry: TestRegistry, image: TestImage): { digest: string; layers: readonly string[] } {
  const plain = image.layers.map((entries) => tarOf(entries))
  const layers = plain.map((bytes) => blob(registry, mediaTypes.layer, (image.compress ?? gzipSync)(bytes)))
  const rootfs = { type: 'layers', diff_ids: plain.map(sha256Of) }
  const config = blob(registry, mediaTypes.config, json({ ...hostPlatform, config: { Cmd: ['/run'], ...image.config }, rootfs }))
  const manifest = json({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers })
  const put = (type: string, bytes: Buffer, isTop: boolean) => {
    if (isTop) registry.manifests.set(`${image.repository}:${image.tag ?? 'latest'}`, { type, bytes })
    registry.manifests.set(`${image.repository}@${sha256Of(bytes)}`, { type, bytes })
    return sha256Of(bytes)
  }
  let digest = put(mediaTypes.manifest, manifest, !image.isMultiArch)
  if (image.isMultiArch) {
    const other = { mediaType: mediaTypes.manifest, digest: `sha256:${'0'.repeat(64)}`, size: 1, platform: { os: 'linux', architecture: 's390x' } }
    const own = { mediaType: mediaTypes.manifest, digest, size: manifest.length, platform: hostPlatform }
    digest = put(mediaTypes.dockerList, json({ schemaVersion: 2, mediaType: mediaTypes.dockerList, manifests: [other, own] }), true)
  }
  return { digest, layers: layers.map((layer) => layer.digest) }
}

function blob(registry: TestRegistry, mediaType: string, bytes: Buffer) {
  const digest = sha256Of(bytes)
  registry.blobs.set(digest, bytes)
  return { mediaType, digest, size: bytes.length }
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value))
