import { describe, expect, it } from 'vitest'
import { millisecondsOf } from './duration.ts'

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['2d', 172_800_000],
    [250, 250],
    [0, 0],
  ])('%j is %d ms', (text, ms) => expect(millisecondsOf(text)).toBe(ms))

  it.each(['', '5', 'm5', '5 m', '-5m', '5m!', -1, Number.NaN])('%j is none', (text) => expect(() => millisecondsOf(text)).toThrow(RangeError))
})
