// `application/vnd.kubernetes.protobuf` into the JSON that the same object would have been sent as.
import { schemaOf, typeNameOf, type FieldSchema, type FieldType, type ScalarName, type TypeSchema } from '../api/schema.ts'
import { ProtobufError, WireReader } from './wire-reader.ts'

export { ProtobufError } from './wire-reader.ts'

type Json = Record<string, unknown>

export interface EnvelopeJson extends Json {
  apiVersion: string
  kind: string
}

export type FindType = (apiVersion: string, kind: string) => string | undefined

/** `k8s\\0`, which every enveloped object begins with. */
export const envelopeMagic = Uint8Array.of(0x6b, 0x38, 0x73, 0x00)
const maxDepth = 100

export const isProtobufEnvelope = (bytes: Uint8Array): boolean => envelopeMagic.every((byte, index) => bytes[index] === byte)

/**
 * Reads the `k8s\0` envelope and what is in it. The result is plain JSON of the caller's own, not yet normalised: decodeObject does that.
 * Throws ProtobufError for anything that is no such message, or of a type that is not known.
 */
export function decodeProtobufEnvelope(bytes: Uint8Array, findType: FindType = typeNameOf): EnvelopeJson {
  if (!isProtobufEnvelope(bytes))
    throw new ProtobufError(`provided data does not appear to be a protobuf message, expected prefix [${envelopeMagic.join(' ')}]`)
  const { apiVersion, kind, raw, contentType } = readUnknown(bytes.subarray(envelopeMagic.length))
  if (contentType === 'application/json') return { ...(parseJson(raw) as Json), apiVersion, kind }
  const type = findType(apiVersion, kind)
  if (type === undefined) throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`)
  return { apiVersion, kind, ...decodeProtobufMessage(type, raw) }
}

/** A bare message of the type, without an envelope. */
export const decodeProtobufMessage = (type: string, bytes: Uint8Array): Json => readStruct(schemaOf(type), bytes, { target: {}, depth: 0 })

function readUnknown(bytes: Uint8Array): { apiVersion: string; kind: string; raw: Uint8Array; contentType: string } {
  const fields = readFields(bytes)
  const typeMeta = readFields(fields.get(1) ?? new Uint8Array())
  return { apiVersion: textOf(typeMeta.get(1)), kind: textOf(typeMeta.get(2)), raw: fields.get(2) ?? new Uint8Array(), contentType: textOf(fields.get(4)) }
}

/** The length-delimited fields of a small message, the last of each number. */
function readFields(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = new WireReader(bytes)
  const fields = new Map<number, Uint8Array>()
  while (!reader.done) {
    const { field, wireType } = reader.tag()
    if (wireType === 2) fields.set(field, reader.bytes())
    else reader.skip(wireType)
  }
  return fields
}

const decoder = new TextDecoder()
const textOf = (bytes: Uint8Array | undefined): string => (bytes ? decoder.decode(bytes) : '')

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown
  } catch (cause) {
    throw new ProtobufError((cause as Error).message, { cause })
  }
}

const numbered = new WeakMap<TypeSchema, ReadonlyMap<number, FieldSchema>>()

function fieldsByNumber(schema: TypeSchema): ReadonlyMap<number, FieldSchema> {
  const known = numbered.get(schema)
  if (known) return known
  const fields = new Map(schema.declared.filter((field) => field.number !== undefined).map((field) => [field.number!, field] as const))
  numbered.set(schema, fields)
  return fields
}

interface Into {
  readonly target: Json
  readonly depth: number
}

function readStruct(schema: TypeSchema, bytes: Uint8Array, { target, depth }: Into): Json {
  if (depth > maxDepth) throw new ProtobufError('proto: message is nested too deeply')
  const fields = fieldsByNumber(schema)
  const reader = new WireReader(bytes)
  while (!reader.done) {
    const { field: number, wireType } = reader.tag()
    const field = fields.get(number)
    if (!field) reader.skip(wireType)
    else if (field.inline && field.type.kind === 'struct') readStruct(schemaOf(field.type.ref), reader.bytes(), { target, depth: depth + 1 })
    else readField(field, { reader, wireType, target, depth })
  }
  return target
}

interface Occurrence extends Into {
  readonly reader: WireReader
  readonly wireType: number
}

function readField({ name, type }: FieldSchema, at: Occurrence): void {
  if (type.kind === 'list') readElements((at.target[name] ??= []) as unknown[], type.element, at)
  else if (type.kind === 'map') readEntry((at.target[name] ??= {}) as Json, type.element, at)
  else at.target[name] = readValue(type, at)
}

const packable = new Set<ScalarName>(['bool', 'int32', 'int64', 'uint8', 'float64'])

function readElements(list: unknown[], element: FieldType, at: Occurrence): void {
  if (at.wireType !== 2 || element.kind !== 'scalar' || !packable.has(element.scalar)) {
    list.push(readValue(element, at))
    return
  }
  const reader = new WireReader(at.reader.bytes())
  while (!reader.done) list.push(readValue(element, { ...at, reader, wireType: element.scalar === 'float64' ? 1 : 0 }))
}

function readEntry(map: Json, element: FieldType, { reader, target, depth }: Occurrence): void {
  const entry = new WireReader(reader.bytes())
  let key = ''
  let value: unknown = null
  while (!entry.done) {
    const { field, wireType } = entry.tag()
    if (field === 1 && wireType === 2) key = textOf(entry.bytes())
    else if (field === 2) value = readValue(element, { reader: entry, wireType, target, depth })
    else entry.skip(wireType)
  }
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true })
}

/** The wire form follows from the Go type alone. */
function readValue(type: FieldType, { reader, wireType, depth }: Occurrence): unknown {
  if (type.kind === 'struct') return readStruct(schemaOf(type.ref), expectBytes(reader, wireType), { target: {}, depth: depth + 1 })
  // A list inside a map or list is a message whose only field is the repeated one (ExtraValue).
  if (type.kind === 'list') return readWrappedList(type.element, expectBytes(reader, wireType), depth)
  if (type.kind === 'map') throw new ProtobufError('proto: a map has no wire form here')
  return readScalar(type.scalar, reader, wireType)
}

function readWrappedList(element: FieldType, bytes: Uint8Array, depth: number): unknown[] {
  const reader = new WireReader(bytes)
  const list: unknown[] = []
  while (!reader.done) {
    const { field, wireType } = reader.tag()
    if (field === 1) readElements(list, element, { reader, wireType, target: {}, depth: depth + 1 })
    else reader.skip(wireType)
  }
  return list
}

function expectBytes(reader: WireReader, wireType: number): Uint8Array {
  if (wireType !== 2) throw new ProtobufError(`proto: wrong wireType = ${wireType}`)
  return reader.bytes()
}

function expectVarint(reader: WireReader, wireType: number): number {
  if (wireType !== 0) throw new ProtobufError(`proto: wrong wireType = ${wireType}`)
  return Number(reader.varint())
}

function readScalar(scalar: ScalarName, reader: WireReader, wireType: number): unknown {
  switch (scalar) {
    case 'string':
      return textOf(expectBytes(reader, wireType))
    case 'bool':
      return expectVarint(reader, wireType) !== 0
    case 'int32':
    case 'int64':
    case 'uint8':
      return expectVarint(reader, wireType)
    case 'float64':
      return reader.double()
    case 'bytes':
      return Buffer.from(expectBytes(reader, wireType)).toString('base64')
    case 'Quantity':
      return textOf(readFields(expectBytes(reader, wireType)).get(1)) || '0'
    case 'Time':
      return readTime(expectBytes(reader, wireType), 0)
    case 'MicroTime':
      return readTime(expectBytes(reader, wireType), 6)
    case 'Duration':
      return `${readNumbers(expectBytes(reader, wireType)).get(1) ?? 0}ns`
    case 'IntOrString':
      return readIntOrString(expectBytes(reader, wireType))
    case 'any':
      return readRaw(expectBytes(reader, wireType))
  }
}

function readNumbers(bytes: Uint8Array): Map<number, number> {
  const reader = new WireReader(bytes)
  const numbers = new Map<number, number>()
  while (!reader.done) {
    const { field, wireType } = reader.tag()
    if (wireType === 0) numbers.set(field, Number(reader.varint()))
    else reader.skip(wireType)
  }
  return numbers
}

/** An empty message is Go's zero time. */
function readTime(bytes: Uint8Array, decimals: 0 | 6): string | null {
  if (bytes.length === 0) return null
  const numbers = readNumbers(bytes)
  const date = new Date((numbers.get(1) ?? 0) * 1000)
  if (Number.isNaN(date.getTime())) throw new ProtobufError('proto: time out of range')
  const micros = String(Math.floor((numbers.get(2) ?? 0) / 1000)).padStart(6, '0')
  return `${date.toISOString().slice(0, 19)}${decimals ? `.${micros}` : ''}Z`
}

function readIntOrString(bytes: Uint8Array): number | string {
  const numbers = readNumbers(bytes)
  return numbers.get(1) === 1 ? textOf(readFields(bytes).get(3)) : (numbers.get(2) ?? 0)
}

/** RawExtension and FieldsV1: one field that holds JSON, or an envelope of its own. */
function readRaw(bytes: Uint8Array): unknown {
  const raw = readFields(bytes).get(1)
  if (!raw || raw.length === 0) return null
  return isProtobufEnvelope(raw) ? decodeProtobufEnvelope(raw) : parseJson(raw)
}
