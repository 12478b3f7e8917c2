import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readContainerLog, type LogOptions } from './container-log.ts'

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
