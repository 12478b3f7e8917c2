import { readFileSync } from 'node:fs'
import { type ImageIndex, type Manifest, sha256Of } from '../oci-layout.ts'
import { checkManifest } from '../registry/pull.ts'
import { DistributionError } from './distribution-error.ts'
import type { RegistryCall, RegistryContext } from './serve-registry.ts'

const longestManifest = 4 << 20

export async function handleManifest(context: RegistryContext, call: RegistryCall): Promise<void> {
  const { repositories, store } = context
  const { response, method, repository, reference, url } = call
  if (method === 'PUT') return put(context, call)
  if (method === 'DELETE') {
    await repositories.remove(repository, reference)
    return void response.writeHead(202).end()
  }
  if (method !== 'GET' && method !== 'HEAD') throw new DistributionError('UNSUPPORTED')
  const found = repositories.find(repository, reference, url.searchParams.get('ns') ?? undefined) ?? childManifest(context, reference)
  if (!found) throw new DistributionError('MANIFEST_UNKNOWN', { name: repository, reference })
  const bytes = readFileSync(store.layout.blobPath(found.digest))
  response.writeHead(200, { 'content-type': found.mediaType, 'content-length': bytes.length, 'docker-content-digest': found.digest, etag: `"${found.digest}"` })
  response.end(method === 'HEAD' ? undefined : bytes)
}

/** The manifests of an index have no names of their own: they are found by their digests. */
function childManifest({ store }: RegistryContext, reference: string) {
  if (!/^sha256:[0-9a-f]{64}$/.test(reference) || !store.layout.hasBlob(reference)) return undefined
  try {
    const descriptor = store.layout.describe(reference)
    const { config, manifests } = store.layout.readBlob<Partial<Manifest & ImageIndex>>(reference)
    return config || manifests ? descriptor : undefined
  } catch {
    // A blob that is no JSON is no manifest.
    return undefined
  }
}

async function put({ repositories, store }: RegistryContext, { request, response, repository, reference }: RegistryCall): Promise<void> {
  const name = repositories.ownName(repository, reference)
  const bytes = await readBody(request as AsyncIterable<Buffer>)
  const digest = sha256Of(bytes)
  if (reference.startsWith('sha256:') && reference !== digest) throw new DistributionError('DIGEST_INVALID', { digest: reference, actual: digest })
  const mediaType = typeOf(bytes, request.headers['content-type'] ?? '')
  const { config, layers = [], manifests = [] } = JSON.parse(bytes.toString()) as Partial<Manifest & ImageIndex>
  const missing = [...(config ? [config] : []), ...layers, ...manifests].find((each) => !store.layout.hasBlob(each.digest))
  if (missing) throw new DistributionError('MANIFEST_BLOB_UNKNOWN', { digest: missing.digest })
  store.layout.writeBlob(digest, bytes)
  if (!(await store.name(name, { mediaType, digest, size: bytes.length }))) throw new DistributionError('MANIFEST_BLOB_UNKNOWN')
  response.writeHead(201, { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest, 'content-length': 0 }).end()
}

function typeOf(bytes: Buffer, contentType: string): string {
  try {
    return checkManifest(bytes, contentType)
  } catch (error) {
    throw new DistributionError('MANIFEST_INVALID', (error as Error).message)
  }
}

async function readBody(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    if ((size += part.length) > longestManifest) throw new DistributionError('MANIFEST_INVALID', 'the manifest is too long')
    parts.push(part)
  }
  return Buffer.concat(parts)
}
