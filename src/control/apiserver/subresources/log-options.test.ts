import { expect, it } from 'vitest'
import { validateLogOptions } from './log-options.ts'

const table: readonly [string, string, readonly string[]][] = [
  ['nothing', '', []],
  ['whole numbers', 'tailLines=0&limitBytes=1&sinceSeconds=1&stream=All', []],
  ['a negative count of lines', 'tailLines=-5', ['tailLines: Invalid value: -5: must be greater than or equal to 0']],
  ['no bytes', 'limitBytes=0', ['limitBytes: Invalid value: 0: must be greater than 0']],
  ['no time', 'sinceSeconds=0', ['sinceSeconds: Invalid value: 0: must be greater than 0']],
  ['two times', 'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', [': Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified']],
  ['another stream', 'stream=x', ['stream: Unsupported value: "x": supported values: "All", "Stderr", "Stdout"']],
  ['the last lines of one stream', 'stream=Stdout&tailLines=1', [': Forbidden: `tailLines` and specific `stream` are mutually exclusive for now']],
]

it.each(table)('log options with %s', (_, query, faults) => {
  expect(validateLogOptions(new URLSearchParams(query)).map(({ field, message }) => `${field}: ${message}`)).toEqual(faults)
})

it('a number or a time that cannot be read is a bad request', () => {
  expect(() => validateLogOptions(new URLSearchParams('tailLines=x'))).toThrow('strconv.ParseInt: parsing "x": invalid syntax')
  expect(() => validateLogOptions(new URLSearchParams('sinceTime=yesterday'))).toThrow('parsing time "yesterday"')
})
