import { describe, expect, it } from 'vitest'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  parseQuantity,
  quantityFromInteger,
  quantityFromMilli,
  quantityToInteger,
  quantityToMilli,
  quantityToNumber,
  subtractQuantities,
} from './quantity.ts'

describe('canonicalQuantity', () => {
  it.each([
    ['0', '0'],
    ['0Mi', '0'],
    ['-0', '0'],
    ['0.5', '500m'],
    ['1.5', '1500m'],
    ['1000', '1k'],
    ['1500', '1500'],
    ['100000', '100k'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['1000Mi', '1000Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['1Ki', '1Ki'],
    ['0.0001Ki', '102400u'],
    ['1025', '1025'],
    ['1e3', '1e3'],
    ['12e5', '1200e3'],
    ['1E', '1E'],
    ['1E6', '1e6'],
    ['100E', '9223372036854775807'],
    ['0.1n', '1n'],
    ['1.0000000001', '1000000001n'],
    ['-1.5Gi', '-1536Mi'],
    ['+5', '5'],
    ['.5', '500m'],
    ['5.', '5'],
    ['001', '1'],
    [0.25, '250m'],
    [2, '2'],
    ['128974848', '128974848'],
    ['123Mi', '123Mi'],
  ])('%s becomes %s', (given, expected) => expect(canonicalQuantity(given)).toBe(expected))

  it.each([
    ['', 'quantities must match'],
    ['abc', 'quantities must match'],
    ['1 Gi', 'quantities must match'],
    ['1Gb', 'quantities must match'],
    ['1kk', "unable to parse quantity's suffix"],
    ['1.2.3', 'unable to parse numeric part'],
    ['10mi', "unable to parse quantity's suffix"],
  ])('refuses %j', (given, message) => expect(() => canonicalQuantity(given)).toThrow(message))
})

it('compares, adds and subtracts across formats', () => {
  expect(compareQuantities('1Gi', '1G')).toBe(1)
  expect(compareQuantities('1000m', '1')).toBe(0)
  expect(compareQuantities('999m', '1')).toBe(-1)
  expect(addQuantities('512Mi', '512Mi')).toBe('1Gi')
  expect(addQuantities('0', '1Ki')).toBe('1Ki')
  expect(subtractQuantities('1', '250m')).toBe('750m')
})

it('gives numbers, rounded up where whole', () => {
  expect(quantityToNumber('1500m')).toBe(1.5)
  expect(quantityToNumber('64Mi')).toBe(67108864)
  expect(quantityToNumber('0.1')).toBe(0.1)
  expect(quantityToMilli('0.0001')).toBe(1)
  expect(quantityToMilli('2')).toBe(2000)
  expect(quantityToMilli('250m')).toBe(250)
  expect(quantityToInteger('1500m')).toBe(2)
  expect(quantityToInteger('7000000u')).toBe(7)
  expect(quantityToInteger('1Gi')).toBe(2 ** 30)
  expect(quantityToInteger('0.5Gi')).toBe(2 ** 29)
  expect(quantityFromMilli(1500)).toBe('1500m')
  expect(quantityFromInteger(2 ** 30, 'BinarySI')).toBe('1Gi')
})

it('is not stalled by a hostile exponent', () => {
  expect(canonicalQuantity('1e999999999')).toBe('9223372036854775807')
  expect(parseQuantity('1e-999999999').nano).toBe(1n)
})
