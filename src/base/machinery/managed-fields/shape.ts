// How values of a type are merged and owned: by their fields, by their keys, by their items, or as one.
import { findSchema, type FieldSchema, type FieldType } from '../../api/schema.ts'

export type Shape =
  /** One value, owned whole: scalars, atomic lists, maps and structs. */
  | { readonly kind: 'leaf' }
  | { readonly kind: 'struct'; readonly fields: ReadonlyMap<string, ShapedField> }
  | { readonly kind: 'map'; readonly element: Shape }
  | { readonly kind: 'set' }
  | { readonly kind: 'keyed'; readonly keys: readonly Key[]; readonly element: Shape }
  /** No schema says: objects by their keys, everything else whole. */
  | { readonly kind: 'deduced' }

export interface ShapedField {
  /** `f:name` */
  readonly element: string
  readonly shape: Shape
}

interface Key {
  readonly name: string
  /** What an item that leaves the key out has. */
  readonly default: unknown
}

/** Upstream's `+structType=atomic`. */
const atomicStructs = new Set([
  'admissionregistration/v1.MatchResources',
  'admissionregistration/v1.NamedRuleWithOperations',
  'admissionregistration/v1.ParamKind',
  'admissionregistration/v1.ParamRef',
  'admissionregistration/v1.Variable',
  'autoscaling/v1.CrossVersionObjectReference',
  'core/v1.ConfigMapKeySelector',
  'core/v1.EndpointAddress',
  'core/v1.EndpointPort',
  'core/v1.FileKeySelector',
  'core/v1.LocalObjectReference',
  'core/v1.NodeSelector',
  'core/v1.NodeSelectorTerm',
  'core/v1.ObjectFieldSelector',
  'core/v1.ObjectReference',
  'core/v1.ResourceFieldSelector',
  'core/v1.ScopeSelector',
  'core/v1.SecretKeySelector',
  'core/v1.SecretReference',
  'core/v1.TopologySelectorTerm',
  'core/v1.TypedLocalObjectReference',
  'discovery/v1.EndpointPort',
  'meta/v1.LabelSelector',
  'meta/v1.OwnerReference',
  'networking/v1.ServiceBackendPort',
  'rbac/v1.RoleRef',
  'rbac/v1.Subject',
])

/** A field that is granular though its type is atomic. */
const granularFields = new Set(['core/v1.PersistentVolumeSpec.claimRef'])

const leaf: Shape = { kind: 'leaf' }
const deduced: Shape = { kind: 'deduced' }
// Derived from constants alone, as the schemas are.
const structs = new Map<string, Shape>()

/** The shape of a whole object of this type. */
export const shapeOf = (type: string): Shape => structShape(type)

function structShape(ref: string): Shape {
  const known = structs.get(ref)
  if (known) return known
  const schema = findSchema(ref)
  if (!schema) return deduced
  const fields = new Map<string, ShapedField>()
  const shape: Shape = { kind: 'struct', fields }
  // Before its fields: types contain themselves.
  structs.set(ref, shape)
  for (const [name, field] of schema.fields) fields.set(name, { element: `f:${name}`, shape: fieldShape(ref, field) })
  return shape
}

function fieldShape(owner: string, field: FieldSchema): Shape {
  const { type } = field
  if (type.kind === 'list') return listShape(type.element, field)
  if (type.kind === 'map') return field.mapType === 'atomic' ? leaf : { kind: 'map', element: typeShape(type.element) }
  if (type.kind === 'struct' && granularFields.has(`${owner}.${field.name}`)) return structShape(type.ref)
  return typeShape(type)
}

function typeShape(type: FieldType): Shape {
  if (type.kind === 'struct') return atomicStructs.has(type.ref) ? leaf : structShape(type.ref)
  if (type.kind === 'map') return { kind: 'map', element: typeShape(type.element) }
  return leaf
}

function listShape(element: FieldType, { listType, listMapKeys }: FieldSchema): Shape {
  if (listType === 'set') return { kind: 'set' }
  if (listType !== 'map' || element.kind !== 'struct') return leaf
  const fields = findSchema(element.ref)?.fields
  const keys = listMapKeys.map((name) => ({ name, default: defaultOf(fields?.get(name)) })).sort((a, b) => (a.name < b.name ? -1 : 1))
  return { kind: 'keyed', keys, element: typeShape(element) }
}

const defaultOf = (field: FieldSchema | undefined): unknown =>
  field?.default === undefined || field.default.startsWith('ref(') ? undefined : (JSON.parse(field.default) as unknown)
