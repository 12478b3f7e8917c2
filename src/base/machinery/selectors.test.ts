import { describe, expect, it } from 'vitest'
import { labelSelectorFrom, matchesLabelSelector, parseFieldSelector, parseLabelSelector } from './selectors.ts'

const labels = { app: 'web', tier: 'front', 'example.com/rank': '7' }

describe('parseLabelSelector', () => {
  it.each<[string, boolean]>([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web , tier=front', true],
    ['app=db', false],
    ['app!=db', true],
    ['app!=web', false],
    ['none!=x', true],
    ['app in (web,db)', true],
    ['app in (db)', false],
    ['app notin (db)', true],
    ['none notin (db)', true],
    ['app notin (web)', false],
    ['app', true],
    ['none', false],
    ['!none', true],
    ['!app', false],
    ['example.com/rank>6', true],
    ['example.com/rank<7', false],
    ['app>1', false],
    ['app=', false],
    ['in in (in,notin)', false],
    ['app in (,web)', true],
  ])('%j gives %j', (text, expected) => expect(parseLabelSelector(text).matches(labels)).toBe(expected))

  it('writes itself with sorted keys and values', () => {
    expect(String(parseLabelSelector('z, !y,b in (d,c),a=1,c!=2,n>3'))).toBe('a=1,b in (c,d),c!=2,n>3,!y,z')
  })

  it.each([
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in ()', "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"],
    ['a,', "found '', expected: identifier after ','"],
    ['=a', "found '=', expected: !, identifier, or 'end of string'"],
    ['a>b', "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer"],
    ['-a=b', 'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of'],
    ['a=-b', 'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be'],
  ])('refuses %j', (text, message) => expect(() => parseLabelSelector(text)).toThrow(message))
})

it('reads selectors of objects', () => {
  expect(matchesLabelSelector(undefined, labels)).toBe(false)
  expect(matchesLabelSelector({}, undefined)).toBe(true)
  expect(matchesLabelSelector({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] }, labels)).toBe(true)
  expect(matchesLabelSelector({ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, labels)).toBe(false)
  expect(String(labelSelectorFrom({ matchLabels: { b: '1', a: '2' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] }))).toBe('a=2,b=1,c')
  expect(() => labelSelectorFrom({ matchExpressions: [{ key: 'a', operator: 'Maybe' }] })).toThrow('"Maybe" is not a valid label selector operator')
  expect(matchesLabelSelector({ matchLabels: { constructor: 'x' } }, {})).toBe(false)
})

it('reads field selectors', () => {
  expect(parseFieldSelector('metadata.name=a,status.phase!=Running,,spec.x==\\,\\=\\\\')).toEqual([
    { field: 'metadata.name', operator: '=', value: 'a' },
    { field: 'status.phase', operator: '!=', value: 'Running' },
    { field: 'spec.x', operator: '=', value: ',=\\' },
  ])
  expect(parseFieldSelector('')).toEqual([])
  expect(() => parseFieldSelector('nonsense')).toThrow("invalid selector: 'nonsense'; can't understand 'nonsense'")
})
