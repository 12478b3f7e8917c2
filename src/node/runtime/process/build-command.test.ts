import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../base/lib/log.ts'
import type { BuildOptions } from '../../images/build/build.ts'
import { createImageStore, type LocalImageStore } from '../../images/local-image-store.ts'
import { runBuildCommand } from './build-command.ts'

describe.skipIf(process.getuid?.() !== 0)('builds that run commands (needs root)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'knarr-build-'))
  const mountsBefore = readFileSync('/proc/mounts', 'utf8')
  let store: LocalImageStore
  let context: string
  beforeAll(async () => (store = await createImageStore({ directory: join(folder, 'images'), log: silentLog, nodeExecutable: process.execPath })))
  beforeEach(() => (context = mkdtempSync(join(folder, 'context-'))))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const build = async (files: Record<string, string>, options: Partial<BuildOptions> = {}) => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(context, name)), { recursive: true })
      writeFileSync(join(context, name), text)
    }
    const lines: string[] = []
    const image = await store.build({ context, tag: 'x', runCommand: runBuildCommand, log: (line) => lines.push(line), ...options })
    const read = (path: string) => image.lowerDirs.map((lower) => join(lower, path)).find((file) => statSync(file, { throwIfNoEntry: false }))
    return { image, lines, read: (path: string) => readFileSync(read(path)!, 'utf8'), stats: (path: string) => statSync(read(path)!) }
  }

  it('keeps what a command changed, and nothing of what the container needed', async () => {
    const { image, lines, read } = await build({
      Dockerfile: 'FROM knarr.local/host\nWORKDIR /srv\nCOPY a .\nRUN echo made $(cat a) >b && rm a && echo more >/usr/local/c; id -u; hostname; echo $$\n',
      a: 'in',
    })
    expect(lines.slice(-3)).toEqual(['  | 0', expect.stringMatching(/^ {2}\| \w/), '  | 1'])
    expect(read('srv/b')).toBe('made in\n')
    expect(read('usr/local/c')).toBe('more\n')
    const changed = image.lowerDirs[0]!
    expect(readdirSync(changed).sort()).toEqual(['srv', 'usr'])
    expect(statSync(join(changed, 'srv/a')).isCharacterDevice()).toBe(true)
    expect(readFileSync('/proc/mounts', 'utf8')).toBe(mountsBefore)
  })

  it('runs as the user of the image, and runs nothing again that it has run before', async () => {
    const dockerfile = 'FROM knarr.local/host\nRUN echo "app:x:1234:99::/:/bin/sh" >>/etc/passwd\nUSER app\nARG WHO=a\nRUN id -u && touch /tmp/$WHO\n'
    const first = await build({ Dockerfile: dockerfile })
    expect(first.lines).toContain('  | 1234')
    expect(first.stats('tmp/a')).toMatchObject({ uid: 1234, gid: 99 })
    const again = await build({ Dockerfile: dockerfile })
    expect(again.lines.filter((line) => line === '  cached')).toHaveLength(2)
    expect(again.image.id).toBe(first.image.id)
    expect((await build({ Dockerfile: dockerfile }, { buildArgs: new Map([['WHO', 'b']]) })).lines.filter((line) => line === '  cached')).toHaveLength(1)
    expect((await build({ Dockerfile: dockerfile }, { useCache: false })).lines).not.toContain('  cached')
  })

  it('builds the stages that are needed, and copies from them with owners and modes', async () => {
    const stages = [
      'FROM knarr.local/host AS build',
      'RUN mkdir -p /out/deep && echo 1 >/out/deep/f && chmod 750 /out/deep && chown 7:8 /out/deep/f && ln -s /out /link && echo u >/usr/local/u',
      'FROM knarr.local/host AS unused',
      'RUN false',
      'FROM scratch',
      'COPY --from=build /link/ /usr/local/u /copied/',
      'COPY --from=0 --chown=5:6 /out/de* /chosen/',
    ]
    const { read, stats, lines } = await build({ Dockerfile: stages.join('\n') })
    expect(read('copied/deep/f')).toBe('1\n')
    expect(read('copied/u')).toBe('u\n')
    expect([stats('copied/deep').mode & 0o777, stats('copied/deep/f').uid, stats('chosen/f').uid]).toEqual([0o750, 7, 5])
    expect(lines.some((line) => line.includes('unused'))).toBe(false)
    expect((await build({}, { target: 'build', tag: 'y' })).image.lowerDirs.length).toBeGreaterThan(1)
    await expect(build({}, { target: 'nope' })).rejects.toThrow('there is no stage nope in the Dockerfile')
  })

  it('keeps a cache from build to build', async () => {
    const dockerfile = (word: string) => ({
      Dockerfile: `FROM knarr.local/host\nRUN --mount=type=cache,target=/cache echo ${word} >>/cache/log; cat /cache/log\n`,
    })
    await build(dockerfile('one'))
    expect((await build(dockerfile('two'))).lines.slice(-2)).toEqual(['  | one', '  | two'])
  })

  it('unpacks archives that are added, and keeps others as they are', async () => {
    mkdirSync(join(context, 'tree/sub'), { recursive: true })
    writeFileSync(join(context, 'tree/sub/f'), 'packed')
    execFileSync('tar', ['-czf', join(context, 'a.tgz'), '-C', join(context, 'tree'), '.'])
    const { read, stats } = await build({ Dockerfile: 'FROM scratch\nADD a.tgz /one/\nADD --chmod=600 plain /two\nCOPY a.tgz /three\n', plain: 'text' })
    expect([read('one/sub/f'), read('two'), stats('two').mode & 0o777, stats('three').isFile()]).toEqual(['packed', 'text', 0o600, true])
  })

  it('names the line of a command that fails', async () => {
    await expect(build({ Dockerfile: 'FROM knarr.local/host\n\nRUN exit 7\n' })).rejects.toThrow(
      'line 3: process "/bin/sh -c exit 7" did not complete successfully: exit code: 7',
    )
    await expect(build({ Dockerfile: 'FROM scratch\nRUN x\n' })).rejects.toThrow('line 2: exec: "/bin/sh"')
    expect(readdirSync(join(folder, 'images/making'))).toEqual([])
  })
})
