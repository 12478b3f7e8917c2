import { apiVersionOf } from '../../base/api/kind.ts'
import type { Resource, Subresource } from '../../base/api/resource.ts'
import type { Registry } from './registry.ts'
import { reviewKinds } from './reviews/index.ts'
import type { ApiRequest, ApiResponse } from './request.ts'

interface ResourceRow {
  readonly name: string
  readonly singularName: string
  readonly namespaced: boolean
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
}

const objectVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** What a subresource takes and answers, where it is not the object itself. */
const subresourceRows: Readonly<
  Record<Subresource, { readonly verbs: readonly string[]; readonly kind?: string; readonly group?: string; readonly version?: string }>
> = {
  status: { verbs: ['get', 'patch', 'update'] },
  ephemeralcontainers: { verbs: ['get', 'patch', 'update'] },
  scale: { verbs: ['get', 'patch', 'update'], kind: 'Scale', group: 'autoscaling', version: 'v1' },
  binding: { verbs: ['create'], kind: 'Binding' },
  eviction: { verbs: ['create'], kind: 'Eviction', group: 'policy', version: 'v1' },
  token: { verbs: ['create'], kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1' },
  finalize: { verbs: ['update'] },
  log: { verbs: ['get'] },
  exec: { verbs: ['create', 'get'], kind: 'PodExecOptions' },
  attach: { verbs: ['create', 'get'], kind: 'PodAttachOptions' },
  portforward: { verbs: ['create', 'get'], kind: 'PodPortForwardOptions' },
}

/** The discovery documents: made from the registry on request. */
export function discovery(registry: Registry, request: ApiRequest): ApiResponse | undefined {
  const path = request.path.replace(/\/$/, '')
  const aggregated = aggregatedVersion(request.headers['accept'])
  if (path === '/api')
    return aggregated ? aggregatedDocument(registry, aggregated, true) : ok({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] })
  if (path === '/apis')
    return aggregated
      ? aggregatedDocument(registry, aggregated, false)
      : ok({ kind: 'APIGroupList', apiVersion: 'v1', groups: groups(registry).filter(Boolean).map(groupOf(registry)) })
  const match = /^\/(?:api\/(?<core>[^/]+)|apis\/(?<group>[^/]+)(?:\/(?<version>[^/]+))?)$/.exec(path)?.groups
  if (!match) return undefined
  const [group, version] = match['core'] ? ['', match['core']] : [match['group']!, match['version']]
  if (!groups(registry).includes(group)) return undefined
  if (version === undefined) return ok({ kind: 'APIGroup', apiVersion: 'v1', ...groupOf(registry)(group) })
  if (!versions(registry, group).includes(version)) return undefined
  const groupVersion = apiVersionOf({ group, version })
  return ok({ kind: 'APIResourceList', ...(group ? { apiVersion: 'v1' } : {}), groupVersion, resources: rowsOf(registry, group, version) })
}

const ok = (body: object, contentType = 'application/json'): ApiResponse => ({ status: 200, headers: { 'content-type': contentType }, body })

const places = (registry: Registry) => [...registry.all().map(({ kind }) => kind), ...reviewKinds]
const groups = (registry: Registry): string[] => [...new Set(places(registry).map((kind) => kind.group))]
const versions = (registry: Registry, group: string): string[] => [
  ...new Set(
    places(registry)
      .filter((kind) => kind.group === group)
      .map((kind) => kind.version),
  ),
]

const groupOf =
  (registry: Registry) =>
  (name: string): object | undefined => {
    if (!name) return undefined
    const list = versions(registry, name).map((version) => ({ groupVersion: `${name}/${version}`, version }))
    return { name, versions: list, preferredVersion: list[0] }
  }

function rowsOf(registry: Registry, group: string, version: string): ResourceRow[] {
  const own = registry.all().filter(({ kind }) => kind.group === group && kind.version === version)
  const reviews = reviewKinds.filter((kind) => kind.group === group && kind.version === version)
  return [
    ...own.flatMap(resourceRows),
    ...reviews.map((kind) => ({ name: kind.plural, singularName: kind.singular, namespaced: kind.namespaced, kind: kind.kind, verbs: ['create'] })),
    ...(group === '' ? [{ name: 'bindings', singularName: 'binding', namespaced: true, kind: 'Binding', verbs: ['create'] }] : []),
  ].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function resourceRows({ kind, subresources }: Resource): ResourceRow[] {
  const { plural: name, singular: singularName, namespaced, shortNames, categories } = kind
  const row = {
    name,
    singularName,
    namespaced,
    kind: kind.kind,
    verbs: objectVerbs,
    ...(shortNames.length ? { shortNames } : {}),
    ...(categories.length ? { categories } : {}),
  }
  const below = subresources.map((subresource) => {
    const { verbs, kind: ownKind, group, version } = subresourceRows[subresource]
    return { name: `${name}/${subresource}`, singularName: '', namespaced, ...(group ? { group, version: version! } : {}), kind: ownKind ?? kind.kind, verbs }
  })
  return [row, ...below]
}

function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const clause of (accept ?? '').split(',')) {
    const match = /g=apidiscovery\.k8s\.io;v=(v2|v2beta1);as=APIGroupDiscoveryList/.exec(clause.replace(/\s/g, ''))
    if (match) return match[1]
    if (clause.trim() === 'application/json') return undefined
  }
  return undefined
}

function aggregatedDocument(registry: Registry, version: string, core: boolean): ApiResponse {
  const items = groups(registry)
    .filter((group) => (group === '') === core)
    .map((group) => ({
      metadata: group ? { name: group } : {},
      versions: versions(registry, group).map((v) => ({ version: v, resources: aggregatedResources(registry, group, v), freshness: 'Current' })),
    }))
  const body = { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items }
  return ok(body, `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
}

function aggregatedResources(registry: Registry, group: string, version: string): object[] {
  const rows = rowsOf(registry, group, version)
  const kindOf = (row: ResourceRow) => ({ group: row.group ?? group, version: row.version ?? version, kind: row.kind })
  return rows
    .filter(({ name }) => !name.includes('/'))
    .map((row) => {
      const below = rows.filter(({ name }) => name.startsWith(`${row.name}/`))
      const { name, singularName, verbs, shortNames, categories } = row
      return {
        resource: name,
        responseKind: kindOf(row),
        scope: row.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: singularName,
        verbs,
        ...(shortNames ? { shortNames } : {}),
        ...(categories ? { categories } : {}),
        ...(below.length
          ? { subresources: below.map((sub) => ({ subresource: sub.name.slice(name.length + 1), responseKind: kindOf(sub), verbs: sub.verbs })) }
          : {}),
      }
    })
}
