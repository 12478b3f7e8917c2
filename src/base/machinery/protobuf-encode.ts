// Objects as `application/vnd.kubernetes.protobuf`, byte for byte as upstream's generated code writes them: fields by ascending number,
// everything that is no pointer, list or map also when it is zero, map entries by key.
import { findSchema, schemaOf, typeNameOf, type FieldSchema, type FieldType, type ScalarName, type TypeSchema } from '../api/schema.ts'
import { MessageWriter } from './message-writer.ts'
import { envelopeMagic } from './protobuf.ts'

type Json = Readonly<Record<string, unknown>>
/** Writes a value with its length where it has one, and gives the wire type of its tag. */
type WriteValue = (writer: MessageWriter, value: unknown) => number
type WriteField = (writer: MessageWriter, owner: Json) => void

const [varintType, fixed64Type, delimitedType] = [0, 1, 2] as const

/** A list that is a message of its own: Go gives it a named type with a Marshal method. */
const wrappedLists = new Set(['meta/v1.APIResource.verbs'])

/** Whether all of the type's fields have numbers: kinds that are defined by users have none. */
export function hasProtobuf(type: string): boolean {
  const schema = findSchema(type)
  return schema !== undefined && schema.declared.every(({ number }) => number !== undefined)
}

/** The message of `type` that says what `object` says, without an envelope. `object` is as decodeObject gives it. */
export function encodeProtobufMessage(type: string, object: object): Uint8Array {
  const writer = new MessageWriter()
  writeStruct(schemaOf(type), writer, object as Json)
  return writer.take()
}

/** Undefined for objects of no known kind, or of one that has no protobuf form. */
export function encodeProtobufEnvelope(object: { readonly apiVersion?: string; readonly kind?: string }): Uint8Array | undefined {
  const { apiVersion = '', kind = '' } = object
  const type = typeNameOf(apiVersion, kind)
  if (type === undefined || !hasProtobuf(type)) return undefined
  return protobufEnvelope({ apiVersion, kind }, [encodeProtobufMessage(type, object)])
}

/** `k8s\0` and a runtime.Unknown around a message that is given in pieces. */
export function protobufEnvelope({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }, pieces: readonly Uint8Array[]): Uint8Array {
  const writer = new MessageWriter(128)
  writer.varint(pieces.reduce((sum, { length }) => sum + length, 0))
  writer.tag(2, delimitedType)
  const rawHead = writer.length
  writeText(writer, 2, kind)
  writeText(writer, 1, apiVersion)
  writer.varint(writer.length - rawHead)
  writer.tag(1, delimitedType)
  writer.raw(envelopeMagic)
  return Buffer.concat([writer.take(), ...pieces, emptyEncodings])
}

/** contentEncoding (3) and contentType (4), which upstream writes empty. */
const emptyEncodings = Uint8Array.of(3 * 8 + 2, 0, 4 * 8 + 2, 0)

/** The tag and length that come before an element of a list's `items`. */
export function listItemHead(length: number): Uint8Array {
  const writer = new MessageWriter(16)
  writer.varint(length)
  writer.tag(2, delimitedType)
  return writer.take()
}

/** The ListMeta field of a list. */
export function listMetaField(metadata: object): Uint8Array {
  const writer = new MessageWriter(128)
  writer.delimited(encodeProtobufMessage('meta/v1.ListMeta', metadata))
  writer.tag(1, delimitedType)
  return writer.take()
}

/** One event of a watch as a frame of a stream: four bytes of length, then a WatchEvent around an enveloped object. */
export function watchFrame(type: string, envelope: Uint8Array): Uint8Array {
  const writer = new MessageWriter(envelope.length + 64)
  writer.delimited(envelope)
  writer.tag(1, delimitedType)
  writer.varint(writer.length)
  writer.tag(2, delimitedType)
  writeText(writer, 1, type)
  const { length } = writer
  writer.raw([length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff])
  return writer.take()
}

function writeText(writer: MessageWriter, field: number, value: string): void {
  writer.text(value)
  writer.tag(field, delimitedType)
}

/** By descending number, as the writer goes from the end. */
const plans = new WeakMap<TypeSchema, readonly WriteField[]>()

function planOf(schema: TypeSchema): readonly WriteField[] {
  const known = plans.get(schema)
  if (known) return known
  const numbered = schema.declared.filter((field): field is NumberedField => field.number !== undefined)
  const plan = numbered.toSorted((a, b) => b.number - a.number).map((field) => fieldWriter(schema, field))
  plans.set(schema, plan)
  return plan
}

function writeStruct(schema: TypeSchema, writer: MessageWriter, value: Json): void {
  for (const write of planOf(schema)) write(writer, value)
}

type NumberedField = FieldSchema & { readonly number: number }

function fieldWriter(owner: TypeSchema, field: NumberedField): WriteField {
  const { name, number, type, inline } = field
  if (inline) return one(number, valueWriter(type), (value) => value)
  if (type.kind === 'list') return listWriter(field, type.element, wrappedLists.has(`${owner.name}.${name}`))
  if (type.kind === 'map') return mapWriter(field, type.element)
  // Bytes are a slice in Go: nothing is written for none.
  if (type.pointer || (type.kind === 'scalar' && type.scalar === 'bytes')) return optional(number, valueWriter(type), name)
  const zero = type.kind === 'struct' ? {} : undefined
  return one(number, valueWriter(type), (value) => value[name] ?? zero)
}

const one =
  (number: number, write: WriteValue, valueOf: (owner: Json) => unknown): WriteField =>
  (writer, owner) =>
    writer.tag(number, write(writer, valueOf(owner)))

const optional =
  (number: number, write: WriteValue, name: string): WriteField =>
  (writer, owner) => {
    const value = owner[name]
    if (value !== undefined && value !== null) writer.tag(number, write(writer, value))
  }

function listWriter({ name, number }: NumberedField, element: FieldType, isWrapped: boolean): WriteField {
  const write = valueWriter(element)
  const wrapped = wrappedListWriter(element)
  return (writer, owner) => {
    const list = owner[name] as readonly unknown[] | undefined | null
    if (!list) return
    if (isWrapped) return writer.tag(number, wrapped(writer, list))
    for (let index = list.length - 1; index >= 0; index--) writer.tag(number, write(writer, list[index]))
  }
}

function mapWriter({ name, number }: NumberedField, element: FieldType): WriteField {
  const write = valueWriter(element)
  return (writer, owner) => {
    const map = owner[name] as Json | undefined | null
    if (!map) return
    const keys = Object.keys(map).toSorted()
    for (let index = keys.length - 1; index >= 0; index--) {
      const end = writer.length
      writer.tag(2, write(writer, map[keys[index]!]))
      writeText(writer, 1, keys[index]!)
      writer.varint(writer.length - end)
      writer.tag(number, delimitedType)
    }
  }
}

function valueWriter(type: FieldType): WriteValue {
  if (type.kind === 'scalar') return scalars[type.scalar]
  if (type.kind === 'list') return wrappedListWriter(type.element)
  if (type.kind === 'map') throw new Error('a map has no wire form here')
  const { ref } = type
  let schema: TypeSchema | undefined
  return message((writer, value) => writeStruct((schema ??= schemaOf(ref)), writer, (value ?? {}) as Json))
}

/** A list inside a map, or one of a type of its own, is a message whose only field is the list. */
function wrappedListWriter(element: FieldType): WriteValue {
  let write: WriteValue | undefined
  return message((writer, value) => {
    write ??= valueWriter(element)
    for (const item of (value as readonly unknown[]).toReversed()) writer.tag(1, write(writer, item))
  })
}

const message =
  (write: (writer: MessageWriter, value: unknown) => void): WriteValue =>
  (writer, value) => {
    const end = writer.length
    write(writer, value)
    writer.varint(writer.length - end)
    return delimitedType
  }

const number: WriteValue = (writer, value) => {
  writer.varint((value as number | undefined) ?? 0)
  return varintType
}

const text: WriteValue = (writer, value) => {
  writer.text((value as string | undefined) ?? '')
  return delimitedType
}

/** Go's zero time is an empty message. */
const time = message((writer, value) => {
  if (typeof value !== 'string') return
  const fraction = /\.(\d+)/.exec(value)?.[1]
  writer.varint(fraction ? Number(fraction.padEnd(9, '0').slice(0, 9)) : 0)
  writer.tag(2, varintType)
  writer.varint(Math.floor(Date.parse(value) / 1000))
  writer.tag(1, varintType)
})

const intOrString = message((writer, value) => {
  const isText = typeof value === 'string'
  writeText(writer, 3, isText ? value : '')
  writer.varint(isText ? 0 : ((value as number | undefined) ?? 0))
  writer.tag(2, varintType)
  writer.varint(isText ? 1 : 0)
  writer.tag(1, varintType)
})

const scalars: Readonly<Record<ScalarName, WriteValue>> = {
  string: text,
  bool: (writer, value) => number(writer, value ? 1 : 0),
  int32: number,
  int64: number,
  uint8: number,
  float64: (writer, value) => {
    writer.double((value as number | undefined) ?? 0)
    return fixed64Type
  },
  bytes: (writer, value) => {
    writer.delimited(Buffer.from((value as string | undefined) ?? '', 'base64'))
    return delimitedType
  },
  Quantity: message((writer, value) => writeText(writer, 1, (value as string | undefined) ?? '0')),
  Time: time,
  MicroTime: time,
  Duration: () => {
    throw new Error('no type that is served has a Duration')
  },
  IntOrString: intOrString,
  any: message((writer, value) => {
    if (value !== undefined && value !== null) writeText(writer, 1, JSON.stringify(value))
  }),
}
