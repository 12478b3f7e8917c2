// The field schema of every Kubernetes API type, compiled lazily from facts.json.
import facts from './facts.json' with { type: 'json' }

export type ScalarName =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'float64'
  | 'bytes'
  | 'Time'
  | 'MicroTime'
  | 'Duration'
  | 'Quantity'
  | 'IntOrString'
  | 'any'

/** `pointer`: set-ness is kept apart from the zero value (Go's `*T`). */
export type FieldType =
  | { readonly kind: 'scalar'; readonly pointer: boolean; readonly scalar: ScalarName; readonly enum?: readonly string[] }
  | { readonly kind: 'struct'; readonly pointer: boolean; readonly ref: string }
  | { readonly kind: 'list'; readonly pointer: boolean; readonly element: FieldType }
  | { readonly kind: 'map'; readonly pointer: boolean; readonly element: FieldType }

export interface FieldSchema {
  readonly name: string
  readonly type: FieldType
  /** The type as facts.json spells it: `[]core/v1.Container`. */
  readonly spelled: string
  /** Protobuf field number; undefined for types that have no protobuf form. */
  readonly number: number | undefined
  readonly optional: boolean
  /** Clients must name it. Some fields are written when empty and need not be named all the same. */
  readonly required: boolean
  /** An embedded struct whose fields stand beside its siblings in JSON, and in a message of its own in protobuf. */
  readonly inline: boolean
  readonly patchMergeKey: string | undefined
  readonly patchStrategies: readonly string[]
  readonly listType: string | undefined
  readonly listMapKeys: readonly string[]
  readonly mapType: string | undefined
  /** Upstream's `+default` marker: JSON text, or `ref(Name)`. */
  readonly default: string | undefined
}

export interface TypeSchema {
  /** `apps/v1.Deployment` */
  readonly name: string
  /** `Deployment` */
  readonly goName: string
  /** JSON fields by name, inline structs flattened; apiVersion and kind included where the type embeds TypeMeta. */
  readonly fields: ReadonlyMap<string, FieldSchema>
  /** As declared: inline structs are one field. What protobuf follows. */
  readonly declared: readonly FieldSchema[]
  readonly hasTypeMeta: boolean
}

interface Fact {
  readonly n: string
  readonly t: string
  readonly p?: number
  readonly o?: number
  readonly u?: number
  readonly i?: number
  readonly k?: string
  readonly s?: string
  readonly l?: string
  readonly lk?: readonly string[]
  readonly m?: string
  readonly d?: string
}

const table = facts as unknown as Readonly<Record<string, Readonly<Record<string, readonly Fact[]>>>>
const compiled = new Map<string, TypeSchema>()

/** Throws for a type that facts.json does not hold. */
export function schemaOf(name: string): TypeSchema {
  const known = compiled.get(name) ?? findSchema(name)
  if (!known) throw new Error(`no schema for type ${name}`)
  return known
}

export function findSchema(name: string): TypeSchema | undefined {
  const known = compiled.get(name)
  if (known) return known
  const { group, type } = splitTypeName(name)
  const own = table[group]?.[type]
  if (!own) return undefined
  const schema = compile(name, type, own)
  compiled.set(name, schema)
  return schema
}

/** Every type name, in the order of facts.json. */
export const typeNames = (): string[] => Object.entries(table).flatMap(([group, types]) => Object.keys(types).map((type) => `${group}.${type}`))

/** `networking/v1.Ingress` is type `Ingress` of `networking/v1`. */
export function splitTypeName(name: string): { group: string; type: string } {
  const dot = name.indexOf('.', name.indexOf('/'))
  return { group: name.slice(0, dot), type: name.slice(dot + 1) }
}

function compile(name: string, goName: string, own: readonly Fact[]): TypeSchema {
  const declared = own.map(compileField)
  const hasTypeMeta = embedsTypeMeta(goName, own)
  const fields = new Map<string, FieldSchema>()
  if (hasTypeMeta) for (const meta of typeMetaFields) fields.set(meta.name, meta)
  for (const field of declared) {
    if (field.inline && field.type.kind === 'struct') for (const [key, inner] of schemaOf(field.type.ref).fields) fields.set(key, inner)
  }
  for (const field of declared) if (!field.inline) fields.set(field.name, field)
  return { name, goName, fields, declared, hasTypeMeta }
}

const compileField = (fact: Fact): FieldSchema => ({
  name: fact.n,
  type: parseType(fact.t),
  spelled: fact.t,
  number: fact.p,
  optional: fact.o === 1,
  required: fact.o !== 1 && fact.u !== 1,
  inline: fact.i === 1,
  patchMergeKey: fact.k,
  patchStrategies: fact.s ? fact.s.split(',') : [],
  listType: fact.l,
  listMapKeys: fact.lk ?? [],
  mapType: fact.m,
  default: fact.d,
})

function parseType(text: string, pointer = false): FieldType {
  if (text.startsWith('*')) return parseType(text.slice(1), true)
  if (text.startsWith('[]')) return { kind: 'list', pointer, element: parseType(text.slice(2)) }
  if (text.startsWith('map:')) return { kind: 'map', pointer, element: parseType(text.slice(4)) }
  if (text.startsWith('enum:')) return { kind: 'scalar', pointer, scalar: 'string', enum: text.slice(5).split(',') }
  if (text.includes('/')) return { kind: 'struct', pointer, ref: text }
  return { kind: 'scalar', pointer, scalar: text as ScalarName }
}

const typeMetaFields = [compileField({ n: 'kind', t: 'string', o: 1 }), compileField({ n: 'apiVersion', t: 'string', o: 1 })]
const templates = new Set(['PodTemplateSpec', 'JobTemplateSpec', 'ResourceClaimTemplateSpec', 'PersistentVolumeClaimTemplate', 'TypeMeta'])
const bareTypeMeta =
  /^(AdmissionReview|APIVersions|APIGroupList|APIGroup|APIResourceList|TableOptions|(List|Get|Delete|Create|Patch|Apply|Update)Options|Pod\w*Options|NodeProxyOptions|ServiceProxyOptions)$/

/** facts.json leaves the embedded TypeMeta out; objects and lists are known by their metadata, the rest by name. */
const embedsTypeMeta = (goName: string, own: readonly Fact[]): boolean =>
  bareTypeMeta.test(goName) || (!templates.has(goName) && own.some(({ n, t }) => n === 'metadata' && /^meta\/v1\.(ObjectMeta|ListMeta)$/.test(t)))

/** The type that an object's own apiVersion and kind name: `rbac.authorization.k8s.io/v1` `Role` is `rbac/v1.Role`; options are of `meta/v1` in every group. */
export function typeNameOf(apiVersion: string, kind: string): string | undefined {
  const [first = '', second] = apiVersion.split('/')
  const group = second === undefined ? 'core' : (first.split('.')[0] ?? '')
  return [`${group}/${second ?? first}.${kind}`, `meta/v1.${kind}`].find((name) => findSchema(name))
}
