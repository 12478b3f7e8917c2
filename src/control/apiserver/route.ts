import type { ApiRequest } from './request.ts'

/** What a request asks for, as upstream's RequestInfo. */
export interface Route {
  readonly verb: string
  readonly group: string
  readonly version: string
  /** Plural of the resource. */
  readonly plural: string
  readonly namespace: string
  readonly name: string
  readonly subresource: string
  /** What follows the subresource, for `proxy` paths. */
  readonly rest: string
}

const verbOfMethod: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }
/** Subresources of the namespaces themselves: the rest of `/namespaces/x/…` are resources inside. */
const namespaceSubresources = new Set(['status', 'finalize'])

export const isTruthy = (value: string | null): boolean => value !== null && (value === '' || value === '1' || /^(t|true)$/i.test(value))

/**
 * Reads the regular Kubernetes paths: `/api/v1/…` and `/apis/<group>/<version>/…`.
 * Undefined for everything that names no resource (discovery, health, OpenAPI).
 */
export function parseRoute(request: Pick<ApiRequest, 'method' | 'path' | 'query'>): Route | undefined {
  const segments = request.path.split('/').filter(Boolean)
  const core = segments[0] === 'api'
  if (!core && segments[0] !== 'apis') return undefined
  const [group, version] = core ? ['', segments[1]] : [segments[1], segments[2]]
  let parts = segments.slice(core ? 2 : 3)
  if (group === undefined || version === undefined || parts.length === 0) return undefined
  let legacyWatch = false
  if (parts[0] === 'watch' && parts.length > 1) [legacyWatch, parts] = [true, parts.slice(1)]
  const place = placeOf(parts)
  return { group, version, ...place, verb: verbOf(request, place.name, place.subresource, legacyWatch) }
}

function placeOf(parts: readonly string[]): Pick<Route, 'plural' | 'namespace' | 'name' | 'subresource' | 'rest'> {
  const [first = '', second = '', third = ''] = parts
  if (first === 'namespaces' && parts.length > 2 && !namespaceSubresources.has(third)) {
    const [plural = '', name = '', subresource = '', ...rest] = parts.slice(2)
    return { plural, namespace: second, name, subresource, rest: rest.join('/') }
  }
  const namespace = first === 'namespaces' ? second : ''
  return { plural: first, namespace, name: second, subresource: third, rest: parts.slice(3).join('/') }
}

function verbOf(request: Pick<ApiRequest, 'method' | 'query'>, name: string, subresource: string, legacyWatch: boolean): string {
  const verb = verbOfMethod[request.method] ?? ''
  if (legacyWatch) return 'watch'
  if (subresource) return verb
  if (verb === 'get' && isTruthy(request.query.get('watch'))) return 'watch'
  if (verb === 'get' && !name) return 'list'
  if (verb === 'delete' && !name) return 'deletecollection'
  return verb
}
