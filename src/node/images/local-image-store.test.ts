import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../base/lib/log.ts'
import { createImageStore, type LocalImageStore } from './local-image-store.ts'
import { globToRegExp, parseIgnore } from './patterns.ts'
import { normaliseReference } from './reference.ts'

let folder: string
let context: string
let store: LocalImageStore

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'knarr-images-'))
  store = await open()
})
beforeEach(() => (context = mkdtempSync(join(folder, 'context-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const offline = () => Promise.reject(Object.assign(new Error('offline'), { code: 'ENETUNREACH' }))
const open = () => createImageStore({ directory: join(folder, 'store'), log: silentLog, nodeExecutable: process.execPath, dial: offline })

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(context, name)), { recursive: true })
    writeFileSync(join(context, name), text)
  }
}

const inLayer = (lowerDirs: readonly string[], path: string) =>
  lowerDirs.map((lower) => join(lower, path)).find((file) => statSync(file, { throwIfNoEntry: false }))

describe('image names', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.27', 'docker.io/library/nginx:1.27'],
    ['bitnami/redis', 'docker.io/bitnami/redis:latest'],
    ['index.docker.io/a/b', 'docker.io/a/b:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['registry:5000/team/app:v1', 'registry:5000/team/app:v1'],
    ['knarr.local/host', 'knarr.local/host:latest'],
    [`a@sha256:${'0'.repeat(64)}`, `docker.io/library/a@sha256:${'0'.repeat(64)}`],
  ])('completes %s as Docker does', (short, full) => expect(normaliseReference(short)).toBe(full))

  it.each(['Nginx', '', 'a:b:c', 'a/-b', 'x@sha256:12'])('refuses %j', (name) => expect(() => normaliseReference(name)).toThrow('invalid reference format'))
})

describe('patterns', () => {
  it.each([
    ['*.ts', 'a.ts', true],
    ['*.ts', 'a/b.ts', false],
    ['**/*.ts', 'a/b.ts', true],
    ['**/*.ts', 'b.ts', true],
    ['a/?.js', 'a/b.js', true],
    ['[ab]*', 'bus', true],
    ['[ab]*', 'cat', false],
    ['a.c', 'abc', false],
  ])('%s against %s: %s', (pattern, path, expected) => expect(globToRegExp(pattern).test(path)).toBe(expected))

  it('lets the last line of a .dockerignore decide', () => {
    const isIgnored = parseIgnore('# comment\nnode_modules\n*.log\n!keep.log\n')
    expect(['node_modules/a/b.js', 'x.log', 'keep.log', 'src/x.log'].map(isIgnored)).toEqual([true, true, false, false])
  })
})

describe('host images', () => {
  it('show the allowlist of this machine and nothing private', async () => {
    const { image } = (await store.resolve('knarr.local/host-node'))!
    expect(image.config.cmd).toEqual(['node'])
    expect(image.hostBinds).toContain('/usr')
    for (const path of ['/root', '/home', '/tmp', '/run', '/etc', '/mnt']) expect(image.hostBinds).not.toContain(path)
    expect(inLayer(image.lowerDirs, 'etc/shadow')).toBeUndefined()
    expect(readFileSync(inLayer(image.lowerDirs, 'etc/passwd')!, 'utf8')).toContain('node:x:1000:1000')
  })

  it('cannot be removed, built over, or change their id between two openings', async () => {
    const first = (await store.resolve('knarr.local/host'))!.image.id
    expect((await (await open()).resolve(first))!.image.id).toBe(first)
    await expect(store.remove('knarr.local/host')).rejects.toThrow('cannot be removed')
  })
})

describe('build', () => {
  it('executes the instructions of a Dockerfile', async () => {
    write({
      Dockerfile: `ARG BASE=knarr.local/host-node
FROM \${BASE}
ARG VERSION=1.2
ENV APP_VERSION=$VERSION MODE="two words"
WORKDIR /srv/app
COPY package.json ./
COPY --chown=node:node src ./src
COPY *.txt notes/
USER node
EXPOSE 3000 53/udp
LABEL team="a b" version=$VERSION
CMD ["node", "src/main.js"]
`,
      'package.json': '{}',
      'src/main.js': 'x',
      'src/secret.env': 'no',
      'a.txt': 'a',
      'b.txt': 'b',
      '.dockerignore': '**/*.env\n',
    })
    const lines: string[] = []
    const image = await store.build({ context, tag: 'shop/web:v1', log: (line) => lines.push(line) })
    expect(image.config).toMatchObject({
      cmd: ['node', 'src/main.js'],
      workingDir: '/srv/app',
      user: 'node',
      exposedPorts: ['3000/tcp', '53/udp'],
      labels: { team: 'a b', version: '1.2' },
    })
    expect(image.config.env).toEqual(expect.arrayContaining(['APP_VERSION=1.2', 'MODE=two words']))
    expect(['package.json', 'src/main.js', 'notes/a.txt', 'notes/b.txt'].map((name) => inLayer(image.lowerDirs, `srv/app/${name}`) !== undefined)).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(inLayer(image.lowerDirs, 'srv/app/src/secret.env')).toBeUndefined()
    expect(statSync(inLayer(image.lowerDirs, 'srv/app/src/main.js')!).uid).toBe(process.getuid?.() === 0 ? 1000 : process.getuid?.())
    expect(lines[0]).toBe('FROM knarr.local/host-node')
    expect((await store.resolve('shop/web:v1'))!.image).toEqual(image)
    expect((await store.resolve(image.id))!.image.id).toBe(image.id)
  })

  it('gives the same image for the same input, and keeps what another image needs', async () => {
    write({ Dockerfile: 'FROM scratch\nCOPY a /a\nENTRYPOINT echo hi\n', a: '1' })
    const first = await store.build({ context, tag: 'one' })
    const second = await store.build({ context, tag: 'two' })
    expect(second.id).toBe(first.id)
    expect(first.config.entrypoint).toEqual(['/bin/sh', '-c', 'echo hi'])
    expect(await store.remove('one')).toBe(true)
    expect(readFileSync(join((await store.resolve('two'))!.image.lowerDirs[0]!, 'a'), 'utf8')).toBe('1')
    expect(await store.remove('two')).toBe(true)
    expect(await store.resolve('two')).toBeUndefined()
    expect(await store.remove('two')).toBe(false)
  })

  it.each([
    ['FROM scratch\nRUN make\n', 'line 2: RUN needs root'],
    ['FROM scratch\nRUN --mount=type=secret,id=a make\n', 'line 2: RUN --mount=type=secret is not supported (only type=cache)'],
    ['FROM scratch\nFETCH a\n', 'line 2: unknown instruction: FETCH'],
    ['FROM scratch\nCOPY --exclude=x a /\n', 'line 2: COPY --exclude is not supported'],
    ['FROM --platform=linux/s390x scratch\n', "line 1: platform linux/s390x is not this machine's"],
    ['FROM scratch\nONBUILD FROM x\n', 'line 2: ONBUILD FROM is not allowed'],
    ['FROM scratch\nSHELL bash\n', 'line 2: SHELL takes a JSON list'],
    ['FROM scratch\nCOPY --chown=nobody a /\n', 'line 2: nobody: no such user or group in the image'],
    ['FROM scratch\n\nCOPY nothing /\n', 'line 3: "/nothing": not found'],
    ['FROM scratch\nCOPY ../x /\n', 'line 2: ../x is outside'],
    ['COPY a /\n', 'line 1: the first instruction must be FROM'],
    ['FROM nowhere:1\n', 'line 1: there is no image nowhere:1 on this machine (no route to its registry). Build it'],
  ])('names the line of what it cannot do: %j', async (dockerfile, message) => {
    write({ Dockerfile: dockerfile })
    await expect(store.build({ context, tag: 'x' })).rejects.toThrow(message)
  })

  it('never follows a link of an image out to this machine', async () => {
    write({ Dockerfile: 'FROM scratch\nCOPY links /\nCOPY a /out/a\n', 'links/x': '', a: '1' })
    symlinkSync(join(folder, 'elsewhere'), join(context, 'links/out'))
    mkdirSync(join(folder, 'elsewhere'))
    await store.build({ context, tag: 'x' }).catch(() => {})
    expect(statSync(join(folder, 'elsewhere/a'), { throwIfNoEntry: false })).toBeUndefined()
  })
})

describe('mappings', () => {
  it('let an image stand in for a public name, visibly', async () => {
    expect(await store.resolve('node:22-slim')).toBeUndefined()
    await store.map('node:22-slim', 'knarr.local/host-node')
    const found = (await store.resolve('node:22-slim'))!
    expect(found.mappedFrom).toBe('node:22-slim')
    expect(found.image.tags).toEqual(['knarr.local/host-node:latest'])
    expect(await store.mappings()).toEqual({ 'docker.io/library/node:22-slim': 'knarr.local/host-node:latest' })
    expect(await store.remove('node:22-slim')).toBe(true)
    expect(await store.resolve('node:22-slim')).toBeUndefined()
  })
})
