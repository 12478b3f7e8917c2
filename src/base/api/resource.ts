// What the API server must know of a kind beyond its address: columns, defaults, validation and strategy.
import type { Kind } from './kind.ts'
import type { KubeObject, Mutable } from './object.ts'

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date' | 'number' | 'boolean'
  readonly format?: string
  readonly description: string
  /** 0: always shown; 1 and above: only `-o wide`. */
  readonly priority: number
}

export type Cell = string | number | boolean

export interface ColumnContext {
  /** Wall time in milliseconds that ages are counted to. */
  readonly now: number
}

/** One column with the function that fills it. */
export interface ColumnOf<T> extends Column {
  cell(object: T, ctx: ColumnContext): Cell
}

export type FieldFaultType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueNotFound'
  | 'FieldValueTypeInvalid'
  | 'InternalError'

/** One fault of one field, worded as upstream's field.Error: `Invalid value: -1: must be greater than or equal to 0`. */
export interface FieldFault {
  readonly type: FieldFaultType
  readonly field: string
  readonly message: string
}

export type Subresource = 'status' | 'scale' | 'binding' | 'log' | 'exec' | 'attach' | 'portforward' | 'token' | 'eviction' | 'finalize' | 'ephemeralcontainers'

/** `path`: anything that is one path segment (RBAC names). */
export type NameRule = 'dns1123subdomain' | 'dns1123label' | 'dns1035label' | 'path' | 'ip'

/** Another kind's objects in different words: two kinds share one storage. */
export interface StoredAs<T extends KubeObject = KubeObject> {
  readonly kind: Kind
  toStored(object: T): KubeObject
  fromStored(stored: KubeObject): T
}

/** All that is known of a kind. The hooks are pure; time is an argument, and what they change is the caller's own copy. */
export interface Resource<T extends KubeObject = KubeObject> {
  readonly kind: Kind<T>
  readonly subresources: readonly Subresource[]
  readonly nameRule: NameRule
  /** Upstream's table columns, those of `-o wide` with priority 1. */
  readonly columns: readonly Column[]
  /** The row of an object, in the order of `columns`. */
  cells(object: T, ctx: ColumnContext): Cell[]
  /** Upstream's SetDefaults_*, in place. Runs on every create, update and patch, and may be repeated. */
  defaults(object: Mutable<T>): void
  /** Every fault at once, metadata included. Expects a defaulted object; `old` is the stored object of an update of the whole object. */
  validate(object: T, old?: T): FieldFault[]
  /** The strategy of a creation: status cleared, generation 1. */
  prepareCreate(object: Mutable<T>): void
  /** The strategy of an update of the object itself: status kept, generation counted when the spec changed. */
  prepareUpdate(object: Mutable<T>, old: T): void
  readonly hasGeneration: boolean
  readonly storedAs?: StoredAs<T>
}
