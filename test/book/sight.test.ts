import { expect, test } from 'vitest'
import { missing, saysSomething } from './sight.ts'

const pods = 'NAME      READY   STATUS    RESTARTS   AGE\nweb-abc   1/1     Running   0          12s\nweb-def   1/1     Running   0          1m3s\n'

test.each([
  ['columns of any width', 'NAME READY STATUS RESTARTS AGE'],
  ['two rows, one after the other', 'web-{id} 1/1 Running 0 {age}\nweb-{id} 1/1 Running 0 {age}'],
  ['a rest of words', 'web-abc {...}'],
  ['what is not there', '! {...}Pending{...}'],
  ['another order, where a line may stand anywhere', 'web-def {...}\n~ web-abc {...}'],
])('%s is seen', (_, sight) => expect(missing(sight, pods)).toBeUndefined())

test.each([
  ['a row too many', 'web-{id} 1/1 Running 0 {age}\nweb-{id} 1/1 Running 0 {age}\nweb-{id} 1/1 Running 0 {age}'],
  ['another order', 'web-def {...}\nweb-abc {...}'],
  ['a part of a line', 'web-abc 1/1'],
  ['a pattern of the text itself', 'web.abc {...}'],
  ['what must not be there', '! web-abc {...}'],
  ['nowhere', '~ web-ghi {...}'],
])('%s is not seen', (_, sight) => expect(missing(sight, pods)).toContain('seen'))

test('a sight of wildcards says nothing', () => {
  expect(saysSomething('{*} {...}')).toBe(false)
  expect(saysSomething(' \n')).toBe(false)
  expect(saysSomething('Running {...}')).toBe(true)
})
