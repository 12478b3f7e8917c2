import { isDeepStrictEqual } from 'node:util'
import type { Kind } from '../kind.ts'
import type { KubeObject, Mutable } from '../object.ts'
import type { ColumnOf, FieldFault, Resource } from '../resource.ts'
import { ageColumn, nameColumn } from './columns.ts'
import { validateMetadata } from './metadata.ts'

/** What is particular to a kind; defineResource adds what all share. */
type Shape<T extends KubeObject> = Partial<Pick<Resource<T>, 'subresources' | 'nameRule' | 'hasGeneration' | 'storedAs'>> & {
  readonly kind: Kind<T>
  /** NAME and AGE when left out. */
  readonly columns?: readonly ColumnOf<T>[]
  /** False for kinds whose fields stand beside metadata. */
  readonly hasSpec?: boolean
  /** The status that a new object starts with, whatever was sent; `sent` keeps it. Empty when left out. */
  readonly firstStatus?: 'sent' | object
  defaults?(object: Mutable<T>): void
  validate?(object: T, old?: T): FieldFault[]
  /** Further strategy after the usual one. */
  prepareCreate?(object: Mutable<T>): void
  prepareUpdate?(object: Mutable<T>, old: T): void
}

type Loose = { metadata: { generation?: number }; spec?: unknown; status?: unknown }

export const defineResource = <T extends KubeObject>(shape: Shape<T>): Resource<T> => {
  const {
    kind,
    subresources = [],
    columns = [nameColumn, ageColumn],
    nameRule = 'dns1123subdomain',
    hasGeneration = false,
    hasSpec = true,
    firstStatus = {},
  } = shape
  const hasStatus = subresources.includes('status')
  return {
    kind,
    subresources,
    nameRule,
    hasGeneration,
    ...(shape.storedAs ? { storedAs: shape.storedAs } : {}),
    columns: columns.map(({ cell: _, ...column }) => column),
    cells: (object, ctx) => columns.map((column) => column.cell(object, ctx)),
    defaults(object) {
      // In Go a spec is a value: left out, it is an empty one.
      if (hasSpec) (object as Loose).spec ??= {}
      shape.defaults?.(object)
    },
    validate: (object, old) => [...validateMetadata(object, { namespaced: kind.namespaced, nameRule }), ...(shape.validate?.(object, old) ?? [])],
    prepareCreate(object) {
      const loose = object as unknown as Loose
      if (hasStatus && firstStatus !== 'sent') loose.status = structuredClone(firstStatus)
      if (hasGeneration) loose.metadata.generation = 1
      shape.prepareCreate?.(object)
    },
    prepareUpdate(object, old) {
      const [loose, before] = [object as unknown as Loose, old as unknown as Loose]
      if (hasStatus) loose.status = structuredClone(before.status ?? {})
      shape.prepareUpdate?.(object, old)
      if (!hasGeneration) return
      const generation = before.metadata.generation ?? 1
      loose.metadata.generation = isDeepStrictEqual(wanted(object), wanted(old)) ? generation : generation + 1
    },
  }
}

/** What a generation counts changes of: the spec, or all but metadata and status where there is none. */
const wanted = (object: object): unknown => {
  if ('spec' in object) return object.spec
  const { kind: _kind, apiVersion: _apiVersion, metadata: _metadata, status: _status, ...rest } = object as Record<string, unknown>
  return rest
}
