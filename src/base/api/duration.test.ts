import { expect, test } from 'vitest'
import { ageText, humanDuration } from './duration.ts'

const [s, m, h, d] = [1000, 60_000, 3_600_000, 86_400_000]

test.each([
  [-2 * s, '<invalid>'],
  [-s, '0s'],
  [0, '0s'],
  [5 * s, '5s'],
  [119 * s, '119s'],
  [2 * m, '2m'],
  [2 * m + 30 * s, '2m30s'],
  [9 * m + 59 * s, '9m59s'],
  [10 * m + 5 * s, '10m'],
  [179 * m, '179m'],
  [3 * h, '3h'],
  [3 * h + 5 * m, '3h5m'],
  [8 * h + 30 * m, '8h'],
  [47 * h, '47h'],
  [2 * d, '2d'],
  [5 * d + 2 * h, '5d2h'],
  [8 * d + 5 * h, '8d'],
  [400 * d, '400d'],
  [730 * d, '2y'],
  [800 * d, '2y70d'],
  [8 * 365 * d + 40 * d, '8y'],
])('%d ms is %s', (ms, text) => expect(humanDuration(ms)).toBe(text))

test('an object without a stamp has no known age', () => expect(ageText(undefined, 0)).toBe('<unknown>'))
