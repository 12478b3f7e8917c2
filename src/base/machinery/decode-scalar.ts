// How Go's encoding/json reads the scalar types of the Kubernetes API, with its texts for what it refuses.
import type { ScalarName } from '../api/schema.ts'
import { canonicalQuantity } from '../lib/quantity.ts'

/** A value of the wrong JSON type. `value` and `goType` are worded as in Go's UnmarshalTypeError. */
export class TypeMismatch extends Error {
  readonly value: string
  readonly goType: string

  constructor(value: string, goType: string) {
    super(`json: cannot unmarshal ${value} into Go value of type ${goType}`)
    this.value = value
    this.goType = goType
  }
}

/** A refusal that Go words without naming the field: quantities, times, base64. */
export class MalformedValue extends Error {}

export type DecodeScalar = (value: unknown) => unknown

export function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

const typed =
  (jsType: 'string' | 'boolean' | 'number', goType: string): DecodeScalar =>
  (value) => {
    if (typeof value !== jsType) throw new TypeMismatch(jsonTypeOf(value), goType)
    return value
  }

const integer =
  (goType: string, smallest: number, largest: number): DecodeScalar =>
  (value) => {
    if (typeof value !== 'number') throw new TypeMismatch(jsonTypeOf(value), goType)
    if (!Number.isInteger(value) || value < smallest || value > largest) throw new TypeMismatch(`number ${value}`, goType)
    return value
  }

const int32 = integer('int32', -(2 ** 31), 2 ** 31 - 1)

function intOrString(value: unknown): unknown {
  if (typeof value === 'string') return value
  try {
    return int32(value)
  } catch (error) {
    throw new MalformedValue((error as Error).message)
  }
}

function quantity(value: unknown): string {
  try {
    return canonicalQuantity(typeof value === 'number' ? value : typeof value === 'string' ? value : 'x')
  } catch (error) {
    throw new MalformedValue((error as Error).message, { cause: error })
  }
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
const zeroTime = '0001-01-01T00:00:00'

/** Undefined for Go's zero time. */
function parseTime(value: unknown, layout: string): { seconds: string; fraction: string } | undefined {
  if (typeof value !== 'string') throw new MalformedValue(`json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type string`)
  const match = rfc3339.exec(value)
  const at = match ? Date.parse(value) : Number.NaN
  if (!match || Number.isNaN(at)) throw new MalformedValue(`parsing time "${value}" as "${layout}": cannot parse "${value}" as "2006"`)
  const seconds = match[2] === 'Z' ? value.slice(0, 19) : new Date(at).toISOString().slice(0, 19)
  return seconds === zeroTime ? undefined : { seconds, fraction: match[1]?.slice(1) ?? '' }
}

function time(value: unknown): string | null {
  const parsed = parseTime(value, '2006-01-02T15:04:05Z07:00')
  return parsed ? `${parsed.seconds}Z` : null
}

function microTime(value: unknown): string | null {
  const parsed = parseTime(value, '2006-01-02T15:04:05.000000Z07:00')
  return parsed ? `${parsed.seconds}.${parsed.fraction.padEnd(6, '0').slice(0, 6)}Z` : null
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function bytes(value: unknown): string {
  if (typeof value !== 'string') throw new TypeMismatch(jsonTypeOf(value), '[]uint8')
  const text = value.replace(/[\r\n]/g, '')
  if (base64.test(text)) return text
  const illegal = text.search(/[^A-Za-z0-9+/]/)
  throw new MalformedValue(`illegal base64 data at input byte ${illegal < 0 ? text.length - (text.length % 4) : illegal}`)
}

const durationPattern = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/

function duration(value: unknown): string {
  if (typeof value !== 'string') throw new TypeMismatch(jsonTypeOf(value), 'string')
  if (!durationPattern.test(value)) throw new MalformedValue(`time: invalid duration "${value}"`)
  return value
}

export const decodeScalar: Readonly<Record<ScalarName, DecodeScalar>> = {
  string: typed('string', 'string'),
  bool: typed('boolean', 'bool'),
  int32,
  int64: integer('int64', -(2 ** 63), 2 ** 63),
  uint8: integer('uint8', 0, 255),
  float64: typed('number', 'float64'),
  bytes,
  Time: time,
  MicroTime: microTime,
  Duration: duration,
  Quantity: quantity,
  IntOrString: intOrString,
  any: (value) => value,
}

/** What Go holds for a scalar that was never set. Undefined: nothing is written for it. */
export const zeroScalar: Readonly<Record<ScalarName, unknown>> = {
  string: '',
  bool: false,
  int32: 0,
  int64: 0,
  uint8: 0,
  float64: 0,
  bytes: undefined,
  Time: null,
  MicroTime: null,
  Duration: '0s',
  Quantity: '0',
  IntOrString: 0,
  any: undefined,
}
