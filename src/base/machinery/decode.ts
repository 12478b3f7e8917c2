// JSON into API objects by Go's rules: what upstream would hold and write back after reading the same bytes.
import { schemaOf, splitTypeName, type FieldSchema, type FieldType, type TypeSchema } from '../api/schema.ts'
import { decodeScalar, jsonTypeOf, MalformedValue, TypeMismatch, zeroScalar } from './decode-scalar.ts'
import { StatusError } from './status-error.ts'

export interface DecodeOptions {
  /** Named in refusals; by default the type's own. */
  readonly kind?: string
  readonly version?: string
}

export interface Decoded {
  /** The caller's own: shares nothing with the input except the contents of free-form fields. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly object: any
  /** One text for each pruned field, as upstream words it: `unknown field "spec.foo"`. */
  readonly unknownFields: readonly string[]
}

/**
 * Reads `json` (what JSON.parse gave) as the type. Null is absent; unknown fields are pruned and reported; names are case-sensitive.
 * Zero values are left out where upstream has `omitempty`; structs that are no pointers are always there, as `{}`.
 * Throws StatusError BadRequest for a value of the wrong type.
 */
export function decodeObject(type: string, json: unknown, options: DecodeOptions = {}): Decoded {
  const schema = schemaOf(type)
  const walk: Walk = { names: [], path: [], unknown: [], struct: schema.goName }
  try {
    const object = decodeStruct(schema, json, walk)
    return { object, unknownFields: walk.unknown }
  } catch (error) {
    const text = refusal(error, walk)
    if (text === undefined) throw error
    const kind = options.kind ?? schema.goName
    const version = options.version ?? splitTypeName(type).group.split('/')[1]
    throw new StatusError('BadRequest', `${kind} in version "${version}" cannot be handled as a ${kind}: ${text}`, undefined, { cause: error })
  }
}

interface Walk {
  /** Field names down to here, as Go's errors list them: no indexes, no map keys. */
  readonly names: string[]
  /** The same with indexes and keys, as unknown fields are reported. */
  readonly path: string[]
  readonly unknown: string[]
  struct: string
}

function refusal(error: unknown, walk: Walk): string | undefined {
  if (error instanceof MalformedValue) return error.message
  if (!(error instanceof TypeMismatch)) return undefined
  if (walk.names.length === 0) return error.message
  return `json: cannot unmarshal ${error.value} into Go struct field ${walk.struct}.${walk.names.join('.')} of type ${error.goType}`
}

type Json = Record<string, unknown>
type Decode = (value: unknown, walk: Walk) => unknown

interface Slot {
  readonly name: string
  readonly decode: Decode
  /** Whether a decoded value is left out, as Go's omitempty does. */
  readonly omits: (value: unknown) => boolean
  /** What stands there when the input has nothing; undefined: nothing. Made anew each time. */
  readonly absent: ((walk: Walk) => unknown) | undefined
}

interface StructPlan {
  readonly slots: ReadonlyMap<string, Slot>
  readonly filled: readonly Slot[]
}

const plans = new WeakMap<TypeSchema, StructPlan>()

function planOf(schema: TypeSchema): StructPlan {
  const known = plans.get(schema)
  if (known) return known
  const slots = new Map([...schema.fields.values()].map((field) => [field.name, slotOf(schema, field)] as const))
  const plan = { slots, filled: [...slots.values()].filter((slot) => slot.absent) }
  plans.set(schema, plan)
  return plan
}

function decodeStruct(schema: TypeSchema, value: unknown, walk: Walk): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeMismatch(jsonTypeOf(value), goTypeName({ kind: 'struct', pointer: false, ref: schema.name }))
  const { slots, filled } = planOf(schema)
  const out: Json = {}
  const outer = walk.struct
  walk.struct = schema.goName
  for (const name in value) {
    const slot = slots.get(name)
    if (slot) decodeField(slot, (value as Json)[name], { out, walk })
    else walk.unknown.push(`unknown field "${[...walk.path, `.${name}`].join('').slice(1)}"`)
  }
  for (const slot of filled) if (!(slot.name in out)) out[slot.name] = slot.absent?.(walk)
  walk.struct = outer
  return out
}

function decodeField(slot: Slot, value: unknown, { out, walk }: { out: Json; walk: Walk }): void {
  if (value === null || value === undefined) return
  walk.names.push(slot.name)
  walk.path.push(`.${slot.name}`)
  const decoded = slot.decode(value, walk)
  if (!slot.omits(decoded)) out[slot.name] = decoded
  walk.names.pop()
  walk.path.pop()
}

function slotOf(owner: TypeSchema, field: FieldSchema): Slot {
  const { name, type } = field
  return { name, decode: decoderOf(type), omits: omissionOf(owner, field), absent: absenceOf(owner, field) }
}

/** Lists that upstream writes even when they are empty; `null` or `[]` is what it writes when they were never set. */
const writtenLists: Readonly<Record<string, null | 'empty'>> = {
  'core/v1.PodSpec.containers': 'empty',
  'discovery/v1.Endpoint.addresses': 'empty',
  'rbac/v1.PolicyRule.verbs': 'empty',
  'rbac/v1.Role.rules': null,
  'rbac/v1.ClusterRole.rules': null,
  'discovery/v1.EndpointSlice.endpoints': null,
  'discovery/v1.EndpointSlice.ports': null,
}

const writtenList = (owner: TypeSchema, name: string): null | 'empty' | undefined =>
  name === 'items' && owner.goName.endsWith('List') ? 'empty' : writtenLists[`${owner.name}.${name}`]

const isZero = (value: unknown): boolean => value === '' || value === 0 || value === false
const isEmptyList = (value: unknown): boolean => (value as unknown[]).length === 0
const never = (): boolean => false

function isEmptyMap(value: unknown): boolean {
  for (const _ in value as object) return false
  return true
}

function omissionOf(owner: TypeSchema, { name, type, optional }: FieldSchema): Slot['omits'] {
  if (name === 'creationTimestamp') return (value) => value === null
  if (type.kind === 'list') return writtenList(owner, name) === undefined ? isEmptyList : never
  if (type.kind === 'map') return isEmptyMap
  if (type.kind === 'struct') return never
  if (type.pointer) return (value) => value === null
  return optional && type.scalar !== 'any' ? isZero : never
}

function absenceOf(owner: TypeSchema, { name, type, optional }: FieldSchema): Slot['absent'] {
  if (type.pointer || name === 'creationTimestamp') return undefined
  if (type.kind === 'list') {
    const written = writtenList(owner, name)
    return written === undefined ? undefined : () => (written === 'empty' ? [] : null)
  }
  if (type.kind === 'map') return undefined
  if (type.kind === 'struct') return (walk) => decodeStruct(schemaOf(type.ref), {}, walk)
  const zero = zeroScalar[type.scalar]
  return zero === undefined || (optional && isZero(zero)) ? undefined : () => zero
}

function decoderOf(type: FieldType): Decode {
  if (type.kind === 'scalar') return decodeScalar[type.scalar]
  if (type.kind === 'list') return listDecoder(type.element, goTypeName(type))
  if (type.kind === 'map') return mapDecoder(type.element, goTypeName(type))
  let schema: TypeSchema | undefined
  return (value, walk) => decodeStruct((schema ??= schemaOf(type.ref)), value, walk)
}

/** Null among the elements is the zero value, as in Go; no bytes are empty bytes, as upstream's storage gives them back. */
function zeroElement(type: FieldType, walk: Walk): unknown {
  if (type.kind === 'struct') return decodeStruct(schemaOf(type.ref), {}, walk)
  if (type.kind !== 'scalar') return null
  return type.scalar === 'bytes' ? '' : (zeroScalar[type.scalar] ?? null)
}

function listDecoder(element: FieldType, goType: string): Decode {
  const decode = decoderOf(element)
  return (value, walk) => {
    if (!Array.isArray(value)) throw new TypeMismatch(jsonTypeOf(value), goType)
    return value.map((item, index) => {
      if (item === null) return zeroElement(element, walk)
      walk.path.push(`[${index}]`)
      const decoded = decode(item, walk)
      walk.path.pop()
      return decoded
    })
  }
}

function mapDecoder(element: FieldType, goType: string): Decode {
  const decode = decoderOf(element)
  return (value, walk) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeMismatch(jsonTypeOf(value), goType)
    const out: Json = {}
    for (const key of Object.keys(value)) {
      const item = (value as Json)[key]
      walk.path.push(`.${key}`)
      const decoded = item === null ? zeroElement(element, walk) : decode(item, walk)
      walk.path.pop()
      if (key === '__proto__') Object.defineProperty(out, key, { value: decoded, enumerable: true, configurable: true, writable: true })
      else out[key] = decoded
    }
    return out
  }
}

/** `[]v1.Container`, `map[string]string`: as %T prints it, except that named strings appear as string. */
export function goTypeName(type: FieldType): string {
  if (type.kind === 'list') return `[]${goTypeName(type.element)}`
  if (type.kind === 'map') return `map[string]${goTypeName(type.element)}`
  if (type.kind === 'scalar') return goScalarNames[type.scalar] ?? type.scalar
  const { group, type: name } = splitTypeName(type.ref)
  return `${group.split('/')[1]}.${name}`
}

const goScalarNames: Readonly<Record<string, string>> = {
  bytes: '[]uint8',
  Time: 'v1.Time',
  MicroTime: 'v1.MicroTime',
  Duration: 'v1.Duration',
  Quantity: 'resource.Quantity',
  IntOrString: 'intstr.IntOrString',
  any: 'runtime.RawExtension',
}
