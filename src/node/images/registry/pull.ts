import type { Clock } from '../../../base/lib/clock.ts'
import type { PullProgress } from '../image-store.ts'
import { type Descriptor, type ImageIndex, isIndexType, type Manifest, mediaTypes, type OciLayout, sha256Of } from '../oci-layout.ts'
import { formatPlatform, hostPlatform, pickPlatform } from '../platform.ts'
import type { Reference } from '../reference.ts'
import { downloadBlob } from './download.ts'
import { refusal, type RegistryClient } from './registry-client.ts'
import { PullError } from './registry-error.ts'

export interface FetchOptions {
  readonly client: RegistryClient
  readonly layout: OciLayout
  readonly reference: Reference
  readonly clock: Clock
  readonly signal: AbortSignal
  /** One blob is fetched once, whoever asks for it. */
  readonly joinBlob: (digest: string, signal: AbortSignal, fetch: (signal: AbortSignal) => Promise<void>) => Promise<void>
  readonly onProgress?: ((progress: PullProgress) => void) | undefined
}

const accept = [mediaTypes.index, mediaTypes.manifest, mediaTypes.dockerList, mediaTypes.dockerManifest, '*/*'].join(', ')
const parallelLayers = 3
const longestManifest = 8 << 20

/** Brings everything of an image that runs here into the store, and unpacks it; gives what the name stands for at the registry. */
export async function fetchImage(options: FetchOptions): Promise<Descriptor> {
  const { layout, reference } = options
  const top = await resolveTop(options)
  const chosen = isIndexType(top.mediaType) ? await chooseManifest(options, top) : top
  const manifest = layout.readBlob<Manifest>(chosen.digest)
  const blobs = [manifest.config, ...manifest.layers]
  options.onProgress?.({
    step: 'found',
    digest: top.digest,
    bytes: blobs.filter(({ digest }) => !layout.hasBlob(digest)).reduce((sum, { size }) => sum + size, 0),
  })
  await fetchBlob(options, manifest.config)
  const diffIds = layout.readBlob<{ rootfs?: { diff_ids?: string[] } }>(manifest.config.digest).rootfs?.diff_ids ?? []
  if (diffIds.length !== manifest.layers.length) throw new PullError(`mismatched image rootfs and manifest layers of ${reference.name}`)
  await inParallel(manifest.layers, parallelLayers, async (layer, index) => {
    if (!layer.mediaType.includes('tar')) throw new PullError(`unsupported layer of type ${layer.mediaType}`)
    await fetchBlob(options, layer)
    try {
      await layout.ensureUnpacked(layer, diffIds[index])
    } catch (error) {
      throw new PullError(`failed to extract layer ${layer.digest}: ${(error as Error).message}`, { cause: error })
    }
  })
  return top
}

/** Asks for the digest first: an image that has not changed costs one small request, and counts for no limit of pulls. */
async function resolveTop(options: FetchOptions): Promise<Descriptor> {
  const { client, layout, reference, signal } = options
  const wanted = reference.digest ?? reference.tag ?? 'latest'
  const head = await client.send({ method: 'HEAD', path: `manifests/${wanted}`, headers: { accept }, signal })
  await head.body.dump()
  const digest = reference.digest ?? head.headers['docker-content-digest']
  if (head.statusCode === 200 && typeof digest === 'string' && layout.hasBlob(digest)) return layout.describe(digest)
  if (head.statusCode === 404) throw new PullError(`${nameOf(reference)}: not found`, { isRefusal: true })
  return fetchManifest(options, wanted)
}

async function chooseManifest(options: FetchOptions, top: Descriptor): Promise<Descriptor> {
  const chosen = pickPlatform(options.layout.readBlob<ImageIndex>(top.digest))
  if (!chosen) throw new PullError(`no match for platform in manifest: not found (${nameOf(options.reference)} has none for ${formatPlatform(hostPlatform)})`)
  return options.layout.hasBlob(chosen.digest) ? chosen : fetchManifest(options, chosen.digest)
}

async function fetchManifest(options: FetchOptions, wanted: string): Promise<Descriptor> {
  const { client, layout, signal } = options
  const path = `manifests/${wanted}`
  const answer = await client.send({ method: 'GET', path, headers: { accept }, signal })
  if (answer.statusCode !== 200)
    throw await refusal(answer, { what: nameOf(options.reference), method: 'GET', url: `${client.endpoint.url}/v2/${client.endpoint.repository}/${path}` })
  const bytes = Buffer.from(await answer.body.arrayBuffer())
  const digest = sha256Of(bytes)
  const claimed = wanted.startsWith('sha256:') ? wanted : answer.headers['docker-content-digest']
  if (bytes.length > longestManifest) throw new PullError(`the manifest of ${nameOf(options.reference)} is too long`)
  if (typeof claimed === 'string' && claimed !== digest)
    throw new PullError(`unexpected digest of the manifest: ${digest}, expected ${claimed}: failed precondition`)
  const mediaType = checkManifest(bytes, String(answer.headers['content-type'] ?? ''))
  layout.writeBlob(digest, bytes)
  return { mediaType, digest, size: bytes.length }
}

/** The media type by the content, as it decides; throws for what is no image. */
export function checkManifest(bytes: Buffer, contentType: string): string {
  let manifest: Partial<Manifest> & Partial<ImageIndex> & { schemaVersion?: number }
  try {
    manifest = JSON.parse(bytes.toString()) as typeof manifest
  } catch (cause) {
    throw new PullError('the manifest is not JSON', { cause })
  }
  const type = manifest.mediaType ?? contentType.split(';')[0]!.trim()
  if (Number(manifest.schemaVersion) === 1 || type.includes('distribution.manifest.v1'))
    throw new PullError(
      `media type "${type}" is not supported (Docker schema 1): rebuild the image as "${mediaTypes.dockerManifest}" or "${mediaTypes.manifest}"`,
    )
  const isIndex = Array.isArray(manifest.manifests)
  const isManifest = typeof manifest.config === 'object' && Array.isArray(manifest.layers)
  const isDescribed = [...(manifest.manifests ?? []), ...(manifest.layers ?? []), ...(manifest.config ? [manifest.config] : [])].every(
    ({ digest, size }) => /^sha256:[0-9a-f]{64}$/.test(digest) && Number.isSafeInteger(size) && size >= 0,
  )
  if (isIndex === isManifest || !isDescribed) throw new PullError(`the manifest (${type || 'without a media type'}) is that of no image`)
  const known = isIndex ? [mediaTypes.index, mediaTypes.dockerList] : [mediaTypes.manifest, mediaTypes.dockerManifest]
  return known.find((each) => each === type) ?? known[0]!
}

function fetchBlob(options: FetchOptions, descriptor: Descriptor): Promise<void> {
  const { layout, client, clock } = options
  if (layout.hasBlob(descriptor.digest)) return Promise.resolve()
  return options.joinBlob(descriptor.digest, options.signal, (signal) =>
    downloadBlob({ client, layout, descriptor, clock, signal, onBytes: (count) => options.onProgress?.({ step: 'received', bytes: count }) }),
  )
}

export const nameOf = ({ name, tag, digest }: Reference) => `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`

/** Runs `act` on all items, so many at once; the first failure is the outcome once all that began have ended. */
async function inParallel<T>(items: readonly T[], limit: number, act: (item: T, index: number) => Promise<void>): Promise<void> {
  const rest = [...items.entries()]
  const failures: unknown[] = []
  const work = async () => {
    for (let next = rest.shift(); next && failures.length === 0; next = rest.shift())
      await act(next[1], next[0]).catch((error: unknown) => failures.push(error))
  }
  await Promise.all(Array.from({ length: limit }, work))
  if (failures.length > 0) throw failures[0]
}
