import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'
import { createImageStore, type LocalImageStore } from '../local-image-store.ts'
import { tarOf } from '../layers/test-tar.ts'
import { mediaTypes, sha256Of } from '../oci-layout.ts'
import { hostPlatform } from '../platform.ts'
import { serveRegistry } from './serve-registry.ts'

const base = mkdtempSync(join(tmpdir(), 'knarr-serve-'))
const stop = new AbortController()
let store: LocalImageStore
let origin: string
let host: string

beforeAll(async () => {
  store = await createImageStore({ directory: join(base, 'images'), log: silentLog, nodeExecutable: process.execPath })
  const { port } = await serveRegistry({ store, port: 0, clock: systemClock, log: silentLog, signal: stop.signal })
  host = `localhost:${port}`
  origin = `http://127.0.0.1:${port}`
})
afterAll(() => {
  stop.abort()
  rmSync(base, { recursive: true, force: true })
})

const call = async (method: string, path: string, options: { body?: string | Buffer; headers?: Record<string, string> } = {}) => {
  const response = await fetch(`${origin}${path}`, {
    method,
    ...(options.body === undefined ? {} : { body: new Uint8Array(Buffer.from(options.body)) }),
    headers: options.headers ?? {},
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}
const digestOf = (text: string | Buffer) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const upload = async (repository: string, bytes: string | Buffer) => {
  const answer = await call('POST', `/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`, { body: bytes })
  expect(answer.status).toBe(201)
  return { digest: digestOf(bytes), size: Buffer.byteLength(bytes) }
}

async function push(repository: string, tag: string, text = 'x') {
  const tar = tarOf([{ path: 'file', text }])
  const layer = { mediaType: mediaTypes.layer, ...(await upload(repository, tar)) }
  const config = {
    mediaType: mediaTypes.config,
    ...(await upload(repository, JSON.stringify({ ...hostPlatform, config: {}, rootfs: { type: 'layers', diff_ids: [digestOf(tar)] } }))),
  }
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [layer] })
  const answer = await call('PUT', `/v2/${repository}/manifests/${tag}`, { body: manifest, headers: { 'content-type': mediaTypes.manifest } })
  return { answer, digest: digestOf(manifest), layer }
}

describe('the served registry', () => {
  it('takes an image that the store then has, under the name that Pods use, as one of this machine', async () => {
    const { answer, digest } = await push('team/app', 'v1')
    expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([201, digest])
    expect(await store.resolve(`${host}/team/app:v1`)).toMatchObject({ isLocal: true, image: { digest } })
    expect((await call('HEAD', '/v2/team/app/manifests/v1')).headers.get('content-type')).toBe(mediaTypes.manifest)
    expect(digestOf((await call('GET', `/v2/team/app/manifests/${digest}`)).text)).toBe(digest)
    expect(JSON.parse((await call('GET', '/v2/team/app/tags/list')).text)).toEqual({ name: 'team/app', tags: ['v1'] })
    expect(JSON.parse((await call('GET', '/v2/_catalog')).text).repositories).toContain('team/app')
  })

  it('takes a blob in pieces, each where the last one ended', async () => {
    const begun = await call('POST', '/v2/app/blobs/uploads/')
    const location = begun.headers.get('location')!
    const patch = (body: string, range: string) => call('PATCH', location, { body, headers: { 'content-range': range } })
    expect((await patch('hello ', '0-5')).headers.get('range')).toBe('0-5')
    expect((await patch('again', '9-13')).status).toBe(416)
    expect((await call('GET', location)).headers.get('range')).toBe('0-5')
    const done = await call('PUT', `${location}?digest=${digestOf('hello world')}`, { body: 'world' })
    expect(done.status).toBe(201)
    expect((await call('GET', `/v2/app/blobs/${digestOf('hello world')}`, { headers: { range: 'bytes=6-' } })).text).toBe('world')
    expect((await call('POST', `/v2/other/blobs/uploads/?mount=${digestOf('hello world')}&from=app`)).status).toBe(201)
  })

  it('keeps nothing whose digest is another', async () => {
    const answer = await call('POST', `/v2/app/blobs/uploads/?digest=${digestOf('this')}`, { body: 'that' })
    expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([400, 'DIGEST_INVALID'])
    expect(store.layout.hasBlob(digestOf('this'))).toBe(false)
  })

  it('lists in pages', async () => {
    for (const tag of ['a', 'b', 'c']) await push('paged', tag)
    const first = await call('GET', '/v2/paged/tags/list?n=2')
    expect([JSON.parse(first.text).tags, first.headers.get('link')]).toEqual([['a', 'b'], '</v2/paged/tags/list?n=2&last=b>; rel="next"'])
    expect(JSON.parse((await call('GET', '/v2/paged/tags/list?n=2&last=b')).text).tags).toEqual(['c'])
  })

  it('deletes images, and blobs that no image needs', async () => {
    const { digest, layer } = await push('gone', 'v1', 'only here')
    expect((await call('DELETE', `/v2/gone/blobs/${layer.digest}`)).status).toBe(405)
    expect((await call('DELETE', `/v2/gone/manifests/${digest}`)).status).toBe(202)
    expect((await call('GET', '/v2/gone/tags/list')).status).toBe(404)
    expect(store.layout.hasBlob(layer.digest)).toBe(false)
  })

  it('serves what the store has of other registries to who asks for a mirror of them', async () => {
    const { digest } = await push('source', 'v1')
    await store.tag(`${host}/source:v1`, 'nginx:1')
    expect((await call('HEAD', '/v2/library/nginx/manifests/1?ns=docker.io')).headers.get('docker-content-digest')).toBe(digest)
    expect((await call('HEAD', '/v2/docker.io/library/nginx/manifests/1')).status).toBe(200)
    expect((await call('HEAD', '/v2/library/nginx/manifests/1')).status).toBe(404)
  })

  it('takes an index for other machines, and still lists what there is', async () => {
    const { digest } = await push('multi', 'base')
    const foreign = { mediaType: mediaTypes.manifest, digest, size: 1, platform: { os: 'linux', architecture: 's390x' } }
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [foreign] })
    expect((await call('PUT', '/v2/multi/manifests/all', { body: index })).status).toBe(201)
    expect((await store.list()).length).toBeGreaterThan(0)
    expect(await store.resolve(sha256Of(Buffer.from('nothing')))).toBeUndefined()
  })

  it.each([
    ['GET', '/v2/none/manifests/v1', 404, 'MANIFEST_UNKNOWN'],
    ['GET', `/v2/none/blobs/sha256:${'0'.repeat(64)}`, 404, 'BLOB_UNKNOWN'],
    ['GET', '/v2/none/blobs/md5:0', 400, 'DIGEST_INVALID'],
    ['GET', '/v2/none/tags/list', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/No/tags/list', 400, 'NAME_INVALID'],
    ['PATCH', '/v2/none/blobs/uploads/no-such', 404, 'BLOB_UPLOAD_UNKNOWN'],
    ['PUT', '/v2/none/manifests/v1', 400, 'MANIFEST_INVALID'],
    ['POST', '/v2/none/manifests/v1', 405, 'UNSUPPORTED'],
    ['DELETE', '/v2/none/manifests/v1', 404, 'MANIFEST_UNKNOWN'],
  ])('refuses %s %s as the specification words it', async (method, path, status, code) => {
    const answer = await call(method, path)
    expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([status, code])
  })

  it('refuses a manifest whose blobs are not here, and what a page of another origin sends', async () => {
    const missing = { mediaType: mediaTypes.config, digest: `sha256:${'1'.repeat(64)}`, size: 1 }
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: missing, layers: [] })
    expect(JSON.parse((await call('PUT', '/v2/x/manifests/v1', { body: manifest })).text).errors[0].code).toBe('MANIFEST_BLOB_UNKNOWN')
    expect((await call('POST', '/v2/x/blobs/uploads/', { headers: { origin: 'https://evil.example' } })).status).toBe(405)
  })
})
