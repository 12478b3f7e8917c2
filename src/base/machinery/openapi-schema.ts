// API types as OpenAPI v3 schemas, named and annotated as upstream publishes them.
import type { Descriptions } from '../api/descriptions.ts'
import { schemaOf, splitTypeName, type FieldSchema, type FieldType, type ScalarName, type TypeSchema } from '../api/schema.ts'

export type Json = Record<string, unknown>

export interface GroupVersionKind {
  readonly group: string
  readonly version: string
  readonly kind: string
}

/** `apps/v1.Deployment` is `io.k8s.api.apps.v1.Deployment`. */
export function componentName(type: string): string {
  const { group, type: name } = splitTypeName(type)
  const [family, version] = group.split('/')
  return family === 'meta' ? `io.k8s.apimachinery.pkg.apis.meta.${version}.${name}` : `io.k8s.api.${family}.${version}.${name}`
}

export const refTo = (type: string): Json => ({ $ref: `#/components/schemas/${componentName(type)}` })

const wellKnown: Partial<Readonly<Record<ScalarName, readonly [name: string, schema: Json]>>> = {
  Quantity: [
    'io.k8s.apimachinery.pkg.api.resource.Quantity',
    { oneOf: [{ type: 'string' }, { type: 'number' }], description: 'A fixed-point number with a suffix, such as 500m, 1.5Gi or 3k.' },
  ],
  IntOrString: [
    'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
    { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string', description: 'A number, or a string.' },
  ],
  Time: ['io.k8s.apimachinery.pkg.apis.meta.v1.Time', { type: 'string', format: 'date-time', description: 'A point in time in the form of RFC 3339.' }],
  MicroTime: ['io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime', { type: 'string', format: 'date-time', description: 'A point in time to the microsecond.' }],
  Duration: ['io.k8s.apimachinery.pkg.apis.meta.v1.Duration', { type: 'string', description: 'A length of time, such as 1h30m.' }],
  any: ['io.k8s.apimachinery.pkg.runtime.RawExtension', { type: 'object', description: 'Any object.' }],
}

const plain: Partial<Readonly<Record<ScalarName, Json>>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  uint8: { type: 'integer', format: 'byte' },
  float64: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
}

/** The components that one document needs: what is added brings along whatever it refers to. */
export class Components {
  readonly schemas: Record<string, Json> = {}
  readonly #descriptions: Descriptions
  readonly #kinds: ReadonlyMap<string, readonly GroupVersionKind[]>

  constructor({ descriptions, kinds }: { descriptions: Descriptions; kinds: ReadonlyMap<string, readonly GroupVersionKind[]> }) {
    this.#descriptions = descriptions
    this.#kinds = kinds
  }

  add(type: string): void {
    const name = componentName(type)
    if (this.schemas[name]) return
    const schema = schemaOf(type)
    const out: Json = (this.schemas[name] = { type: 'object' })
    const description = this.#describe(type, '')
    if (description) out['description'] = description
    const required = [...schema.fields.values()].filter((field) => field.required).map((field) => field.name)
    if (required.length) out['required'] = required
    out['properties'] = Object.fromEntries([...schema.fields.values()].map((field) => [field.name, this.#property(schema, field)]))
    const kinds = this.#kinds.get(type)
    if (kinds) out['x-kubernetes-group-version-kind'] = kinds
  }

  #describe(type: string, field: string): string | undefined {
    return this.#descriptions[type]?.[field]
  }

  #property(owner: TypeSchema, field: FieldSchema): Json {
    // The models say nothing of a field that only refers: without the type's own text kubectl would show "<no description>".
    const struct = field.type.kind === 'struct' ? this.#describe(field.type.ref, '') : undefined
    const description = this.#describe(owner.name, field.name) ?? struct
    const fallback = defaultOf(field)
    const values = isClosed(owner, field) && field.type.kind === 'scalar' ? field.type.enum : undefined
    return {
      ...(description ? { description } : {}),
      ...this.#typeOf(field.type, description !== undefined || fallback !== undefined),
      ...(values ? { enum: [...values].sort() } : {}),
      ...(fallback === undefined ? {} : { default: fallback }),
      ...extensionsOf(field),
    }
  }

  #typeOf(type: FieldType, hasSiblings: boolean): Json {
    if (type.kind === 'list') return { type: 'array', items: this.#element(type.element) }
    if (type.kind === 'map') return { type: 'object', additionalProperties: this.#element(type.element) }
    const ref = this.#refOf(type)
    if (!ref) return type.kind === 'scalar' ? { ...plain[type.scalar] } : {}
    return hasSiblings ? { allOf: [ref] } : ref
  }

  #element(type: FieldType): Json {
    const schema = this.#typeOf(type, !type.pointer && type.kind === 'struct')
    return type.pointer ? schema : type.kind === 'struct' ? { ...schema, default: {} } : schema
  }

  #refOf(type: FieldType): Json | undefined {
    if (type.kind === 'struct') {
      this.add(type.ref)
      return refTo(type.ref)
    }
    const known = type.kind === 'scalar' ? wellKnown[type.scalar] : undefined
    if (!known) return undefined
    const [name, schema] = known
    this.schemas[name] ??= schema
    return { $ref: `#/components/schemas/${name}` }
  }
}

/** Whether no other value than the listed ones is ever valid. Upstream leaves conditions, names and reasons open. */
const isClosed = (owner: TypeSchema, { name }: FieldSchema): boolean =>
  !/Condition$|Pattern$|^(Secret|LimitRangeItem|Status|StatusCause|NodeAddress)$/.test(owner.goName) &&
  !/^(name|resourceName|reason|conditionType|finalizers|medium|stopSignal)$/.test(name)

function defaultOf({ type, optional, default: marked }: FieldSchema): unknown {
  if (marked !== undefined) return marked.startsWith('ref(') ? undefined : (JSON.parse(marked) as unknown)
  if (type.pointer) return undefined
  if (type.kind === 'struct') return {}
  if (type.kind !== 'scalar' || optional) return undefined
  return type.scalar === 'string' ? '' : type.scalar === 'bool' ? false : /^(int32|int64|float64)$/.test(type.scalar) ? 0 : undefined
}

const extensionsOf = (field: FieldSchema): Json => ({
  ...(field.listMapKeys.length ? { 'x-kubernetes-list-map-keys': field.listMapKeys } : {}),
  ...(field.listType ? { 'x-kubernetes-list-type': field.listType } : {}),
  ...(field.mapType ? { 'x-kubernetes-map-type': field.mapType } : {}),
  ...(field.patchMergeKey ? { 'x-kubernetes-patch-merge-key': field.patchMergeKey } : {}),
  ...(field.patchStrategies.length ? { 'x-kubernetes-patch-strategy': field.patchStrategies.join(',') } : {}),
})
