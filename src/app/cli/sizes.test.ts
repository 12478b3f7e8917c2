import { expect, it } from 'vitest'
import { sizeInBytes } from './sizes.ts'

const memory = sizeInBytes('--memory', () => 7)

it.each([
  ['1977mb', 1977 * 2 ** 20],
  ['2g', 2 ** 31],
  ['1.5GB', 1.5 * 2 ** 30],
  ['2048', 2 ** 31],
  ['max', 7],
])('reads %s', (text, bytes) => expect(memory(text)).toBe(bytes))

it.each(['', 'lots', '-2g', '0', '2x'])('refuses "%s"', (text) => expect(() => memory(text)).toThrow(/^--memory takes an amount such as 2g/))
