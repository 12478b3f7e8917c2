import { expect, test } from 'vitest'
import { isTooDeep, maxJsonDepth } from './json-depth.ts'

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

test.each<[what: string, text: string, tooDeep: boolean]>([
  ['what is as deep as allowed', nested(maxJsonDepth), false],
  ['one level more', nested(maxJsonDepth + 1), true],
  ['brackets within a string', JSON.stringify(nested(maxJsonDepth + 1) + '"\\'), false],
  ['much side by side', `[${'[],'.repeat(maxJsonDepth)}1]`, false],
])('%s', (_, text, tooDeep) => {
  expect(isTooDeep(Buffer.from(text))).toBe(tooDeep)
})
