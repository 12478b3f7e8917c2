import { expect, it } from 'vitest'
import { MessageWriter } from './message-writer.ts'

const long = 'x'.repeat(200)

it.each<[string, (writer: MessageWriter) => void, number[]]>([
  ['bytes', (writer) => writer.raw(Buffer.from(long)), [...Buffer.from(long)]],
  ['bytes with their length', (writer) => writer.delimited(Buffer.from(long)), [200, 1, ...Buffer.from(long)]],
  ['text', (writer) => writer.text(long), [200, 1, ...Buffer.from(long)]],
  ['short text', (writer) => writer.text('abcdefgh'), [8, ...Buffer.from('abcdefgh')]],
  ['text that is not ASCII', (writer) => writer.text('é'.repeat(4)), [8, ...Buffer.from('é'.repeat(4))]],
  ['a number', (writer) => writer.varint(2 ** 40), [128, 128, 128, 128, 128, 32]],
  ['a negative number', (writer) => writer.varint(-1), [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]],
  ['a fraction', (writer) => writer.double(1), [0, 0, 0, 0, 0, 0, 240, 63]],
])('has room for %s past what it was made for', (_, write, bytes) => {
  const writer = new MessageWriter(4)
  writer.raw([7])
  write(writer)
  expect([...writer.take()]).toEqual([...bytes, 7])
})
