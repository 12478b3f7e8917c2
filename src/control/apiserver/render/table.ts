import type { KubeObject } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'
import { badRequest } from '../errors.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

export interface TableOptions {
  readonly now: number
  readonly includeObject: IncludeObject
  readonly version: string
  /** Watches tell the columns in their first event only. */
  readonly withColumns: boolean
  readonly metadata: object
  /** The objects are bookmarks: metadata and nothing that a cell could be read from. */
  readonly blank?: boolean
}

export function parseIncludeObject(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') || 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  throw badRequest(`unrecognized includeObject value: "${value}"`)
}

export function tableOf(resource: Resource, objects: readonly KubeObject[], options: TableOptions): object {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: options.metadata,
    columnDefinitions: options.withColumns
      ? resource.columns.map(({ name, type, format, description, priority }) => ({ name, type, format: format ?? '', description, priority }))
      : null,
    rows: objects.map((object) => rowOf(resource, object, options)),
  }
}

function rowOf(resource: Resource, object: KubeObject, { now, includeObject, version, blank }: TableOptions): object {
  const cells = blank ? resource.columns.map(({ type }) => (type === 'integer' ? 0 : '')) : resource.cells(object, { now })
  if (includeObject === 'None') return { cells }
  return { cells, object: includeObject === 'Object' ? object : partialMetadata(object, version) }
}

export const partialMetadata = (object: KubeObject, version = 'v1'): object => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata: object.metadata,
})
