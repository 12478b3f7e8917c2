import { expect, it } from 'vitest'
import { createJsonLog } from './json-log.ts'

function logOf() {
  const lines: string[] = []
  const log = createJsonLog({ write: (line) => lines.push(line), now: () => Date.parse('2026-01-02T03:04:05.678Z') })
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> & { err: Record<string, string> } }
}

it('says level, time, what is bound, the fields, and the message, in this order', () => {
  const { log, lines } = logOf()
  log.child({ role: 'agent' }).child({ node: 'a' }).warn({ port: 53 }, 'it is taken')
  expect(lines).toEqual(['{"level":40,"time":"2026-01-02T03:04:05.678Z","role":"agent","node":"a","port":53,"msg":"it is taken"}\n'])
})

it('keeps nothing that is said at debug level', () => {
  const { log, lines } = logOf()
  log.debug({}, 'by the way')
  expect(lines).toEqual([])
})

it('tells an error with its causes, its stack and its own fields', () => {
  const { log, last } = logOf()
  const cause = new Error('the disk is full')
  log.error({ err: Object.assign(new TypeError('not written', { cause }), { code: 'ENOSPC' }) }, 'oh')
  expect(last().err).toMatchObject({ type: 'TypeError', message: 'not written: the disk is full', code: 'ENOSPC' })
  expect(last().err['stack']).toMatch(/TypeError: not written\n.*\ncaused by: Error: the disk is full\n/s)
  log.error(cause, 'the error alone')
  expect(last()).toMatchObject({ err: { message: 'the disk is full' }, msg: 'the error alone' })
})

it('does not lose a line over a field that JSON cannot hold', () => {
  const { log, last } = logOf()
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  log.info({ cycle, size: 3n, name: 'a' }, 'said all the same')
  expect(last()).toMatchObject({ level: 30, name: 'a', msg: 'said all the same' })
  const error = new Error('of itself')
  error.cause = error
  log.info({ err: error }, 'a cause of itself')
  expect(last().err.message).toBe('of itself')
})
