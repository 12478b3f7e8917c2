import { expect, it } from 'vitest'
import { equalJson } from './equal-json.ts'

it.each([
  [{ a: 1, b: [1, { c: 'x' }] }, { b: [1, { c: 'x' }], a: 1 }, true],
  [{ a: undefined }, {}, true],
  [{}, { a: undefined }, true],
  [{ a: null }, {}, false],
  [{}, { a: null }, false],
  [[1, 2], [2, 1], false],
  [{ length: 0 }, [], false],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [JSON.parse('{"__proto__":{"a":1}}'), {}, false],
  ['1', 1, false],
])('compares %j with %j as JSON: %s', (a, b, equal) => expect(equalJson(a, b)).toBe(equal))

it.each([
  [{ a: null, b: { c: null } }, { b: {} }, true],
  [{ b: {} }, { a: null, b: { c: null } }, true],
  [{ a: null }, { a: 0 }, false],
  [[{ a: null, b: 1 }], [{ b: 1 }], true],
  [null, undefined, true],
])('takes a null for none where it is told to: %j and %j: %s', (a, b, equal) => expect(equalJson(a, b, { nullIsAbsent: true })).toBe(equal))
