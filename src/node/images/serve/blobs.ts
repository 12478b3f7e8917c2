import { createReadStream, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { DistributionError } from './distribution-error.ts'
import type { RegistryCall, RegistryContext } from './serve-registry.ts'
import { rangeOf } from './uploads.ts'

const digestForm = /^sha256:[0-9a-f]{64}$/

export async function handleBlob({ store }: RegistryContext, { request, response, method, reference }: RegistryCall): Promise<void> {
  if (!digestForm.test(reference)) throw new DistributionError('DIGEST_INVALID', { digest: reference })
  if (!store.layout.hasBlob(reference)) throw new DistributionError('BLOB_UNKNOWN', { digest: reference })
  if (method === 'DELETE') {
    if (store.isNeeded(reference)) throw new DistributionError('UNSUPPORTED', 'an image needs this blob')
    await store.layout.discard(reference)
    return void response.writeHead(202).end()
  }
  if (method !== 'GET' && method !== 'HEAD') throw new DistributionError('UNSUPPORTED')
  const file = store.layout.blobPath(reference)
  const { size } = statSync(file)
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  const [start, end] = first === '' ? [0, size - 1] : [Number(first), Math.min(last === '' ? size - 1 : Number(last), size - 1)]
  if (first !== '' && (start >= size || end < start)) throw new DistributionError('RANGE_INVALID', undefined, { 'content-range': `bytes */${size}` })
  response.writeHead(first === '' ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': end - start + 1,
    'docker-content-digest': reference,
    'accept-ranges': 'bytes',
    etag: `"${reference}"`,
    ...(first === '' ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  })
  if (method === 'HEAD' || size === 0) return void response.end()
  // Who has read enough goes away: no fault of ours.
  await pipeline(createReadStream(file, { start, end }), response).catch(() => response.destroy())
}

/** POST begins, PATCH adds, PUT ends (with the last piece, if any), GET tells how far it is, DELETE gives up. */
export async function handleUpload(context: RegistryContext, call: RegistryCall): Promise<void> {
  const { store, uploads } = context
  const { request, response, method, url, repository, reference: id } = call
  const digest = url.searchParams.get('digest')
  if (digest !== null && !digestForm.test(digest)) throw new DistributionError('DIGEST_INVALID', { digest })
  if (method === 'POST' && id === '') {
    const mounted = url.searchParams.get('mount')
    if (mounted !== null && digestForm.test(mounted) && store.layout.hasBlob(mounted)) return created(call, mounted)
    const upload = await uploads.begin(repository)
    if (digest === null) return accepted(call, upload)
    await uploads.append(upload, request as AsyncIterable<Buffer>)
    await uploads.finish(upload, digest)
    return created(call, digest)
  }
  const upload = uploads.find(id, repository)
  if (method === 'GET')
    return void response.writeHead(204, { location: locationOf(call, upload.id), range: rangeOf(upload), 'docker-upload-uuid': upload.id }).end()
  if (method === 'DELETE') {
    await uploads.cancel(id)
    return void response.writeHead(204).end()
  }
  if (method === 'PATCH') {
    await uploads.append(upload, request as AsyncIterable<Buffer>, request.headers['content-range'])
    return accepted(call, upload)
  }
  if (method !== 'PUT') throw new DistributionError('UNSUPPORTED')
  if (digest === null) throw new DistributionError('DIGEST_INVALID', 'the query names no digest')
  await uploads.append(upload, request as AsyncIterable<Buffer>, request.headers['content-range'])
  await uploads.finish(upload, digest)
  created(call, digest)
}

const locationOf = ({ repository }: RegistryCall, id: string) => `/v2/${repository}/blobs/uploads/${id}`

function accepted(call: RegistryCall, upload: { readonly id: string; readonly size: number }): void {
  const headers = { location: locationOf(call, upload.id), range: rangeOf(upload), 'docker-upload-uuid': upload.id, 'content-length': 0 }
  call.response.writeHead(202, headers).end()
}

function created({ response, repository }: RegistryCall, digest: string): void {
  response.writeHead(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest, 'content-length': 0 }).end()
}
