import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readContainerLog, type LogOptions } from './container-log.ts'
import { createPlainLineParser } from './log-line.ts'

let folder: string
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'knarr-log-'))))
afterAll(() => rm(folder, { recursive: true }))

const log = [
  '2026-01-01T00:00:00Z stdout F one',
  '2026-01-01T00:00:01Z stdout P tw',
  '2026-01-01T00:00:01.1Z stdout F o',
  '2026-01-01T00:00:02Z stderr F ',
  '2026-01-01T00:00:03Z stdout F four',
  '',
].join('\n')

const table: readonly [string, Partial<LogOptions>, string][] = [
  ['everything', {}, 'one\ntwo\n\nfour\n'],
  ['the last two lines', { tailLines: 2 }, '\nfour\n'],
  ['no line', { tailLines: 0 }, ''],
  ['with times, one for a line in parts', { timestamps: true, tailLines: 4 }, '2026-01-01T00:00:01Z two\n2026-01-01T00:00:02Z \n2026-01-01T00:00:03Z four\n'],
  ['since a moment', { sinceMs: Date.UTC(2026, 0, 1, 0, 0, 2) }, '\nfour\n'],
  ['no more bytes than asked', { limitBytes: 5 }, 'one\nt'],
]

it.each(table)('a log shows %s', async (_, options, expected) => {
  const path = join(folder, '0.log')
  await writeFile(path, log)
  let text = ''
  await readContainerLog({
    follow: false,
    timestamps: false,
    ...options,
    path,
    isLive: () => false,
    signal: new AbortController().signal,
    write: async (chunk) => void (text += chunk.toString()),
  })
  expect(text).toBe(expected)
})

it('a log is followed across its rotation without a gap', async () => {
  const path = join(folder, 'rotated.log')
  await writeFile(path, '2026-01-01T00:00:00Z stdout F one\n')
  const [abort, seen] = [new AbortController(), { text: '' }]
  const reading = readContainerLog({
    follow: true,
    timestamps: false,
    path,
    isLive: () => true,
    signal: abort.signal,
    write: async (chunk) => void (seen.text += chunk.toString()),
  })
  await expect.poll(() => seen.text).toBe('one\n')
  await appendFile(path, '2026-01-01T00:00:01Z stdout F two\n')
  await rename(path, `${path}.20260101-000001`)
  await writeFile(`${path}.20260101-000002`, '2026-01-01T00:00:02Z stdout F between\n')
  await writeFile(path, '2026-01-01T00:00:02Z stdout F three\n')
  await expect.poll(() => seen.text).toBe('one\ntwo\nbetween\nthree\n')
  await appendFile(path, '2026-01-01T00:00:03Z stdout F four\n')
  await expect.poll(() => seen.text).toBe('one\ntwo\nbetween\nthree\nfour\n')
  abort.abort()
  await reading
})

it('a log of JSON or plain lines is shown as it is, with the times it tells', async () => {
  const path = join(folder, 'plain.log')
  await writeFile(path, '{"level":30,"time":"2026-01-01T00:00:01.5Z","msg":"a"}\nError: b\n')
  let text = ''
  await readContainerLog({
    follow: false,
    timestamps: true,
    path,
    parse: createPlainLineParser(),
    isLive: () => false,
    signal: new AbortController().signal,
    write: async (chunk) => void (text += chunk.toString()),
  })
  expect(text).toBe('2026-01-01T00:00:01.5Z {"level":30,"time":"2026-01-01T00:00:01.5Z","msg":"a"}\n2026-01-01T00:00:01.5Z Error: b\n')
})
