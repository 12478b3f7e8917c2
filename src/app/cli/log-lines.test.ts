import { expect, it } from 'vitest'
import { createLineReader, mergeLines } from './log-lines.ts'

it('makes entries readable and keeps other lines where they belong', () => {
  const read = createLineReader('server')
  const texts = [
    'starting',
    '{"level":30,"time":"2026-11-25T02:06:34.683Z","role":"server","port":6443,"msg":"the API of knarr-default answers"}',
    '    at file.js:1',
    '{"level":40,"time":"2026-11-25T02:06:35.000Z","role":"platform","host":"a b","err":{"type":"Error","message":"no route","stack":"Error"},"msg":"not reached"}',
    '{not json',
  ].map((line) => read(line).text)
  expect(texts).toEqual([
    '                          server           starting',
    '2026-11-25T02:06:34.683Z  server    INFO   the API of knarr-default answers  port=6443',
    '2026-11-25T02:06:34.683Z  server               at file.js:1',
    '2026-11-25T02:06:35.000Z  platform  WARN   not reached  host="a b" err="no route"',
    '2026-11-25T02:06:35.000Z  server           {not json',
  ])
})

it('merges by time without tearing apart what belongs together', () => {
  const line = (timeMs: number | undefined, text: string) => ({ timeMs, text })
  const merged = mergeLines([
    [line(undefined, 'a0'), line(2, 'a1'), line(2, 'a2')],
    [line(1, 'b1'), line(2, 'b2'), line(3, 'b3')],
  ])
  expect(merged.map(({ text }) => text)).toEqual(['a0', 'b1', 'a1', 'a2', 'b2', 'b3'])
})
