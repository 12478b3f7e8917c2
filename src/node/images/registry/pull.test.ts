import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '../../../base/lib/clock.ts'
import { systemClock } from '../../../base/lib/clock.ts'
import { silentLog } from '../../../base/lib/log.ts'
import { createImageStore, type LocalImageStore } from '../local-image-store.ts'
import { mediaTypes } from '../oci-layout.ts'
import { putImage, startTestRegistry, type TestRegistry } from './test-registry.ts'

const base = mkdtempSync(join(tmpdir(), 'knarr-pull-'))
/** Delays between attempts are not waited for. */
const clock: Clock = { ...systemClock, sleep: async () => undefined }
let registry: TestRegistry
let folder: string
let store: LocalImageStore
const open = () =>
  createImageStore({
    directory: join(folder, 'images'),
    log: silentLog,
    nodeExecutable: process.execPath,
    registriesFile: join(folder, 'registries.yaml'),
    clock,
  })
const file = (path: string, text: string) => [{ path, text }]
const big = 'x'.repeat(300_000)
const plain = (bytes: Buffer) => bytes

beforeEach(async () => {
  folder = mkdtempSync(join(base, 'case-'))
  registry = await startTestRegistry()
  store = await open()
})
afterEach(() => registry.close())
afterAll(() => rmSync(base, { recursive: true, force: true }))

const basic = (user: string) => `Basic ${Buffer.from(user).toString('base64')}`
const contentOf = async (reference: string, path: string) => {
  const { image } = (await store.resolve(reference))!
  return readFileSync(
    join(
      image.lowerDirs.find((lower) => readdirSync(lower).includes(path))!,
      path,
    ),
    'utf8',
  )
}

describe('pull', () => {
  it('brings the image of this platform, names it, and asks for nothing that is here', async () => {
    const { digest } = putImage(registry, { repository: 'team/app', tag: 'v1', layers: [file('a', '1'), file('b', '2')], isMultiArch: true })
    const name = `${registry.host}/team/app`
    const image = await store.pull(`${name}:v1`)
    expect(image).toMatchObject({ digest, tags: [`${name}:v1`], repoDigests: [`${name}@${digest}`], config: { cmd: ['/run'] } })
    expect([await contentOf(`${name}:v1`, 'a'), await contentOf(`${name}@${digest}`, 'b')]).toEqual(['1', '2'])
    registry.requests.length = 0
    expect((await store.pull(`${name}:v1`)).id).toBe(image.id)
    expect(registry.requests).toEqual(['HEAD /v2/team/app/manifests/v1 200'])
    expect((await store.resolve(`${name}:v1`))!.isLocal).toBe(false)
  })

  it('follows a tag that was moved, and keeps what containers may run from', async () => {
    const name = `${registry.host}/app:latest`
    putImage(registry, { repository: 'app', layers: [file('a', 'old')] })
    const old = await store.pull(name)
    putImage(registry, { repository: 'app', layers: [file('a', 'new')] })
    await store.pull(name)
    expect(await contentOf(name, 'a')).toBe('new')
    expect((await store.resolve(old.id))!.image.tags).toEqual([])
  })

  it('fetches a layer once for all that ask at the same time', async () => {
    const { layers } = putImage(registry, { repository: 'one', layers: [file('a', big)] })
    putImage(registry, { repository: 'two', layers: [file('a', big), file('b', '1')] })
    await Promise.all(['one', 'one', 'two'].map((name) => store.pull(`${registry.host}/${name}`)))
    expect(registry.requests.filter((line) => line.includes(layers[0]!))).toHaveLength(1)
  })

  it('goes on where a connection was cut off', async () => {
    const { layers } = putImage(registry, { repository: 'app', layers: [file('a', big)], compress: plain })
    const whole = registry.blobs.get(layers[0]!)!
    let cuts = 0
    registry.fault = (request, response) => {
      if (!request.url!.includes(layers[0]!) || cuts === 2) return false
      const from = Number(/bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0)
      cuts += 1
      response.writeHead(from ? 206 : 200, { 'content-length': whole.length - from })
      response.write(whole.subarray(from, from + 100_000), () => setTimeout(() => response.destroy(), 20))
      return true
    }
    await store.pull(`${registry.host}/app`)
    expect(await contentOf(`${registry.host}/app`, 'a')).toBe(big)
    expect(registry.requests.at(-1)).toMatch(/ 206 bytes=200000-$/)
  })

  it('goes on with what a process that was killed had fetched', async () => {
    const { layers } = putImage(registry, { repository: 'app', layers: [file('a', big)], compress: plain })
    writeFileSync(join(folder, 'images/making', `part-${layers[0]!.slice(7)}-4000001`), registry.blobs.get(layers[0]!)!.subarray(0, 1234))
    await store.pull(`${registry.host}/app`)
    expect(registry.requests).toContainEqual(expect.stringMatching(/ 206 bytes=1234-$/))
  })

  it.each([
    ['busy', (response: { writeHead(code: number): { end(): void } }) => response.writeHead(503).end()],
    ['overrun', (response: { writeHead(code: number): { end(): void } }) => response.writeHead(429).end()],
  ])('tries again at a registry that is %s', async (_, refuse) => {
    putImage(registry, { repository: 'app', layers: [file('a', '1')] })
    let times = 0
    registry.fault = (request, response) => request.url!.includes('/blobs/') && times++ < 2 && (refuse(response), true)
    expect((await store.pull(`${registry.host}/app`)).tags).toHaveLength(1)
  })

  it('never keeps a blob or a manifest whose digest is another', async () => {
    const { layers } = putImage(registry, { repository: 'app', layers: [file('a', '1')] })
    registry.blobs.set(layers[0]!, Buffer.alloc(registry.blobs.get(layers[0]!)!.length))
    await expect(store.pull(`${registry.host}/app`)).rejects.toThrow(`unexpected commit digest`)
    registry.manifests.set(`app@${layers[0]!}`, registry.manifests.get('app:latest')!)
    await expect(store.pull(`${registry.host}/app@${layers[0]!}`)).rejects.toThrow('unexpected digest of the manifest')
    expect(await store.resolve(`${registry.host}/app`)).toBeUndefined()
    expect(store.layout.hasBlob(layers[0]!)).toBe(false)
  })

  it('refuses a layer whose plain content is not what the config says', async () => {
    putImage(registry, { repository: 'app', layers: [file('a', '1')] })
    const { bytes, type } = registry.manifests.get('app:latest')!
    const manifest = JSON.parse(bytes.toString())
    const other = putImage(registry, { repository: 'other', layers: [file('a', '2')] })
    manifest.layers[0] = { ...manifest.layers[0], digest: other.layers[0], size: registry.blobs.get(other.layers[0]!)!.length }
    registry.manifests.set('app:latest', { type, bytes: Buffer.from(JSON.stringify(manifest)) })
    await expect(store.pull(`${registry.host}/app`)).rejects.toThrow('wrong diff id calculated on extraction')
  })

  it.each([
    ['a name that is not there', 'nothing:1', undefined, /^127\.0\.0\.1:\d+\/nothing:1: not found$/],
    ['Docker schema 1', 'app', { schemaVersion: 1, name: 'app' }, /media type ".*" is not supported \(Docker schema 1\)/],
    ['other machines only', 'app', { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }, /no match for platform in manifest: not found/],
    ['no image', 'app', { schemaVersion: 2, hello: 1 }, /is that of no image/],
  ])('says in one line what it cannot run: %s', async (_, name, manifest, message) => {
    if (manifest) registry.manifests.set('app:latest', { type: mediaTypes.manifest, bytes: Buffer.from(JSON.stringify(manifest)) })
    await expect(store.pull(`${registry.host}/${name}`)).rejects.toThrow(message)
  })

  it('says how the network failed', async () => {
    registry.close()
    await expect(store.pull(`${registry.host}/app`)).rejects.toThrow(
      `failed to do request: Head "http://${registry.host}/v2/app/manifests/latest": dial tcp ${registry.host}: connect: connection refused`,
    )
  })

  it('stops when nobody waits any more', async () => {
    putImage(registry, { repository: 'app', layers: [file('a', '1')] })
    registry.fault = () => true
    const stop = new AbortController()
    const pulled = store.pull(`${registry.host}/app`, { signal: stop.signal })
    stop.abort(new Error('given up'))
    await expect(pulled).rejects.toThrow('given up')
  })
})

describe('users', () => {
  const keyring = [{ pattern: '127.0.0.1:*', credential: { username: 'u', password: 'wrong' } }]
  const entries = (...passwords: string[]) => passwords.map((password) => ({ pattern: registry.host, credential: { username: 'ann', password } }))

  it('are named by basic authentication where the registry asks for it', async () => {
    putImage(registry, { repository: 'app', layers: [file('a', '1')] })
    registry.fault = ({ headers }, response) =>
      headers.authorization !== basic('ann:secret') && (response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(), true)
    await expect(store.pull(`${registry.host}/app`)).rejects.toThrow('pull access denied, repository does not exist or may require authorization')
    await expect(store.pull(`${registry.host}/app`, { keyring })).rejects.toThrow('pull access denied')
    expect((await store.pull(`${registry.host}/app`, { keyring: entries('old', 'secret') })).tags).toHaveLength(1)
  })

  it('get a token for what they want to do where the registry names a token server', async () => {
    putImage(registry, { repository: 'team/app', layers: [file('a', '1')] })
    const asked: string[] = []
    registry.fault = ({ url, headers }, response) => {
      if (url!.startsWith('/token')) {
        asked.push(`${decodeURIComponent(url!)} ${headers.authorization ?? 'nobody'}`)
        const isKnown = headers.authorization === basic('ann:secret')
        return (response.writeHead(isKnown ? 200 : 401).end(isKnown ? '{"token":"t1"}' : '{}'), true)
      }
      if (headers.authorization === 'Bearer t1') return false
      const challenge = `Bearer realm="http://${registry.host}/token",service="reg, one",scope="repository:team/app:pull"`
      return (response.writeHead(401, { 'www-authenticate': challenge }).end(), true)
    }
    await expect(store.pull(`${registry.host}/team/app`)).rejects.toThrow('failed to authorize: failed to fetch anonymous token')
    await store.pull(`${registry.host}/team/app`, { keyring: entries('secret') })
    expect(asked).toEqual([
      '/token?service=reg,+one&scope=repository:team/app:pull nobody',
      `/token?service=reg,+one&scope=repository:team/app:pull&account=ann ${basic('ann:secret')}`,
    ])
  })

  it('are not made known to where a registry redirects', async () => {
    const { layers } = putImage(registry, { repository: 'app', layers: [file('a', '1')] })
    const storage = await startTestRegistry()
    storage.blobs.set(layers[0]!, registry.blobs.get(layers[0]!)!)
    const seen: (string | undefined)[] = []
    storage.fault = ({ headers }) => (seen.push(headers.authorization), false)
    registry.fault = ({ headers, url }, response) => {
      if (headers.authorization !== basic('ann:secret')) return (response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(), true)
      return url!.includes(layers[0]!) && (response.writeHead(307, { location: `http://${storage.host}${url!}` }).end(), true)
    }
    await store.pull(`${registry.host}/app`, { keyring: entries('secret') })
    expect(seen).toEqual([undefined])
    storage.close()
  })
})

describe('mirrors', () => {
  it('are asked first, are told whom they stand for, and get no credentials of the registry', async () => {
    putImage(registry, { repository: 'library/app', layers: [file('a', '1')] })
    const empty = await startTestRegistry()
    const seen: string[] = []
    empty.fault = ({ url, headers }) => (seen.push(`${url!} ${headers.authorization ?? 'nobody'}`), false)
    writeFileSync(join(folder, 'registries.yaml'), `mirrors:\n  docker.io:\n    endpoint: ["http://${empty.host}", "${registry.host}"]\n`)
    const image = await store.pull('app', { keyring: [{ pattern: 'docker.io', credential: { username: 'a', password: 'b' } }] })
    expect(image.tags).toEqual(['docker.io/library/app:latest'])
    expect(seen).toEqual(['/v2/library/app/manifests/latest?ns=docker.io nobody'])
    empty.close()
  })

  it.each([
    ['mirrors: [a]', 'mirrors must be a map'],
    ['mirror: {}', 'unknown field "mirror"'],
    ['mirrors: {docker.io: {endpoint: "x"}}', 'mirrors.docker.io.endpoint must be a list of URLs'],
  ])('are refused by the name of the file: %s', async (text, message) => {
    writeFileSync(join(folder, 'registries.yaml'), text)
    await expect(store.pull('app')).rejects.toThrow(`registries.yaml: ${message}`)
  })
})

describe('the store', () => {
  it('unpacks again what lost its folder, and works after a process died in the middle', async () => {
    putImage(registry, { repository: 'app', layers: [file('a', '1')] })
    const image = await store.pull(`${registry.host}/app`)
    renameSync(image.lowerDirs[0]!, join(folder, 'images/making/4000001-half'))
    writeFileSync(join(folder, 'images/lock'), '4000001')
    store = await open()
    expect(await contentOf(image.id, 'a')).toBe('1')
    writeFileSync(join(folder, 'images/making/part-abc-4000001'), '')
    expect([await store.layout.clearLeftovers({ keepsParts: true }), await store.layout.clearLeftovers()]).toEqual([1, 1])
    expect(await store.remove(`${registry.host}/app`)).toBe(true)
    expect(readdirSync(join(folder, 'images/layers'))).toEqual([])
  })
})
