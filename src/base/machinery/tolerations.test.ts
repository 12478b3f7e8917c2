import { expect, it } from 'vitest'
import type { Taint, Toleration } from '../api/generated/types.ts'
import { tolerates } from './tolerations.ts'

const taint: Taint = { key: 'gpu', value: 'a', effect: 'NoSchedule' }

const cases: readonly (readonly [string, Toleration, boolean])[] = [
  ['the same key and value, by default', { key: 'gpu', value: 'a' }, true],
  ['another value', { key: 'gpu', operator: 'Equal', value: 'b' }, false],
  ['any value of the key', { key: 'gpu', operator: 'Exists' }, true],
  ['any key', { operator: 'Exists' }, true],
  ['another key', { key: 'cpu', operator: 'Exists' }, false],
  ['the same effect', { key: 'gpu', value: 'a', effect: 'NoSchedule' }, true],
  ['another effect', { operator: 'Exists', effect: 'NoExecute' }, false],
]

it.each(cases)('judges a toleration of %s', (_, toleration, expected) => expect(tolerates(toleration, taint)).toBe(expected))
