import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schemaOf, typeNames, type FieldSchema, type FieldType, type ScalarName } from '../api/schema.ts'
import { decodeObject } from './decode.ts'
import { encodeProtobufEnvelope, encodeProtobufMessage, hasProtobuf, watchFrame } from './protobuf-encode.ts'
import { decodeProtobufEnvelope, decodeProtobufMessage } from './protobuf.ts'
import { recordedBodies } from './testing/recorded-protobuf.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('encodeProtobufEnvelope', () => {
  it.each(Object.entries(recordedBodies))('writes what kubectl posts for a %s', (_, base64) => {
    const recorded = Buffer.from(base64, 'base64')
    expect(hex(encodeProtobufEnvelope(decodeProtobufEnvelope(recorded))!)).toBe(hex(recorded))
  })

  it('gives nothing for a kind without field numbers, or an unknown one', () => {
    expect(encodeProtobufEnvelope({ apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot' })).toBeUndefined()
    expect(encodeProtobufEnvelope({ apiVersion: 'example.com/v1', kind: 'Widget' })).toBeUndefined()
  })
})

const noMeta = '0a10 0a00 1200 1a00 2200 2a00 3200 3800 4200'

describe('encodeProtobufMessage', () => {
  // Worked out by hand from the protobuf specification and the field numbers of the API.
  it.each<[string, string, object, string]>([
    ['negative numbers as ten bytes', 'core/v1.Toleration', { tolerationSeconds: -1 }, '0a00 1200 1a00 2200 28 ffffffffffffffffff01'],
    ['a quantity as a message', 'core/v1.ResourceQuotaSpec', { hard: { cpu: '1' } }, '0a0a 0a03637075 1203 0a0131'],
    ['map entries by key', 'core/v1.ConfigMap', { data: { b: '2', a: '1' } }, `${noMeta} 1206 0a0161 120131 1206 0a0162 120132`],
    ['bytes as they are', 'core/v1.Secret', { data: { a: '/w==' } }, `${noMeta} 1206 0a0161 1201ff 1a00`],
    ['a time as its seconds', 'core/v1.ContainerStateRunning', { startedAt: '1970-01-01T00:02:08Z' }, '0a05 088001 1000'],
    ['no time as an empty message', 'core/v1.ContainerStateRunning', { startedAt: null }, '0a00'],
    ['microseconds as nanoseconds', 'coordination/v1.LeaseSpec', { renewTime: '1970-01-01T00:00:01.000002Z' }, '2205 0801 10d00f'],
    ['a port by name', 'core/v1.TCPSocketAction', { port: 'http' }, '0a0a 0801 1000 1a0468747470 1200'],
    ['a port by number', 'core/v1.TCPSocketAction', { port: 80 }, '0a06 0800 1050 1a00 1200'],
    ['a list in a map as a message', 'authentication/v1.UserInfo', { extra: { k: ['a', 'b'] } }, '0a00 1200 220b 0a016b 1206 0a0161 0a0162'],
    ['verbs of discovery as a message', 'meta/v1.APIResource', { name: 'p', verbs: ['get'] }, '0a0170 1000 1a00 2205 0a03676574 3200 4200 4a00 5200'],
    ['text beyond ASCII', 'core/v1.LocalObjectReference', { name: 'ñ' }, '0a02c3b1'],
    ['text that is long', 'core/v1.LocalObjectReference', { name: 'a'.repeat(200) }, `0ac801${'61'.repeat(200)}`],
  ])('writes %s', (_, type, object, expected) => {
    expect(hex(encodeProtobufMessage(type, object))).toBe(expected.replaceAll(' ', ''))
  })

  it('is read back as what it was, for objects of every type', () => {
    const types = typeNames().filter((type) => hasProtobuf(type) && type !== 'meta/v1.List')
    const examples = fc.constantFrom(...types).chain((type) => structOf(type, 0).map((json) => ({ type, json })))
    fc.assert(
      fc.property(examples, ({ type, json }) => {
        const before: unknown = decodeObject(type, json).object
        const after = decodeObject(type, decodeProtobufMessage(type, encodeProtobufMessage(type, before as object))).object as unknown
        expect(withoutTypeMeta(after)).toEqual(withoutTypeMeta(before))
      }),
      { numRuns: 2000, seed: 7 },
    )
  })
})

it('frames an event by its length', () => {
  const envelope = Uint8Array.of(1, 2, 3)
  expect(hex(watchFrame('ADDED', envelope))).toBe('0000000e 0a054144444544 1205 0a03010203'.replaceAll(' ', ''))
})

/** The envelope names the kind; a bare message does not. */
const withoutTypeMeta = (object: unknown) => ({ ...(object as object), kind: '', apiVersion: '' })

const text = fc.oneof(fc.constantFrom('a', 'b-c', ''), fc.string({ unit: 'grapheme', maxLength: 60 }))
const scalars: Readonly<Record<ScalarName, fc.Arbitrary<unknown>>> = {
  string: text,
  bool: fc.boolean(),
  int32: fc.integer(),
  int64: fc.maxSafeInteger(),
  uint8: fc.integer({ min: 0, max: 255 }),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  Time: fc.integer({ min: 1, max: 4e9 }).map((seconds) => new Date(seconds * 1000).toISOString()),
  MicroTime: fc.integer({ min: 1, max: 4e9 }).map((seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}.123456Z`),
  Duration: fc.constant('1s'),
  Quantity: fc.constantFrom('1', '100m', '1Gi', '-3', '0'),
  IntOrString: fc.oneof(fc.integer(), text),
  any: fc.dictionary(fc.constantFrom('x', 'y'), fc.integer()),
}

function valueOf(type: FieldType, depth: number): fc.Arbitrary<unknown> {
  if (type.kind === 'scalar') return type.enum ? fc.constantFrom(...type.enum) : scalars[type.scalar]
  if (type.kind === 'list') return fc.array(valueOf(type.element, depth + 1), { minLength: 1, maxLength: 2 })
  if (type.kind === 'map') return fc.dictionary(fc.constantFrom('a', 'b.c/d', 'é'), valueOf(type.element, depth + 1), { minKeys: 1 })
  return structOf(type.ref, depth + 1)
}

/** Some of the fields, fewer the deeper it goes. */
function structOf(type: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields = [...schemaOf(type).fields.values()].filter((field: FieldSchema) => !['kind', 'apiVersion'].includes(field.name))
  if (depth > 4 || fields.length === 0) return fc.constant({})
  return fc
    .subarray(fields, { maxLength: Math.min(fields.length, 6) })
    .chain((chosen) => fc.record(Object.fromEntries(chosen.map((field) => [field.name, valueOf(field.type, depth)]))))
}
