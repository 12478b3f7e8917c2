import type { Cell, MetricRegistry, Observations } from '../../base/lib/metrics.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Registry } from './registry.ts'
import type { ApiRequest } from './request.ts'
import type { Route } from './route.ts'
import type { ObjectStorage } from './storage/object-storage.ts'
import type { VersionInfo } from './health.ts'

/** Upstream's buckets of apiserver_request_duration_seconds. */
const durationBounds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]
const placeLabels = ['group', 'version', 'resource', 'subresource', 'scope', 'component']

const verbNames: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT' }
const connecting = new Set(['exec', 'attach', 'portforward', 'proxy'])
const mutating = new Set(['POST', 'PUT', 'PATCH', 'APPLY', 'DELETE', 'DELETECOLLECTION'])
/** Paths that are no resources and are counted by themselves; all others together. */
const knownPath = /^\/(?:healthz|livez|readyz|metrics|version|api|apis|openapi\/v[23]|openid\/v1\/jwks|\.well-known\/openid-configuration)(?=\/|$)/

export type RequestFinished = (status: number) => void

export interface RequestMetrics {
  /** Call when a request has come in; what it gives when it has been answered (a watch: when it has ended). */
  begin(request: ApiRequest, route: Route | undefined): RequestFinished
}

export interface RequestMetricsOptions {
  readonly metrics: MetricRegistry
  readonly registry: Registry
  readonly storage: ObjectStorage
  readonly clock: Clock
  readonly version: VersionInfo
}

/** The `apiserver_*` metrics, under upstream's names and labels. */
export function createRequestMetrics(options: RequestMetricsOptions): RequestMetrics {
  const { metrics, registry, clock } = options
  const total = metrics.counter({
    name: 'apiserver_request_total',
    help: 'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
    labels: ['verb', 'dry_run', ...placeLabels, 'code'],
  })
  const duration = metrics.histogram(
    {
      name: 'apiserver_request_duration_seconds',
      help: 'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
      labels: ['verb', 'dry_run', ...placeLabels],
    },
    durationBounds,
  )
  const longRunning = metrics.gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.',
    labels: ['verb', ...placeLabels],
  })
  const inflight = metrics.gauge({
    name: 'apiserver_current_inflight_requests',
    help: 'Number of requests that are being answered, per request kind.',
    labels: ['request_kind'],
  })
  inflight.set(0, ['readOnly'])
  inflight.set(0, ['mutating'])
  addStorageMetrics(options)

  const series = new Map<string, Series>()
  const seriesOf = (verb: string, place: Place, isDry: boolean): Series => {
    const key = `${verb} ${place.key} ${isDry}`
    let found = series.get(key)
    if (!found) {
      const labels = [verb, isDry ? 'All' : '', ...place.labels]
      const running = isLongRunning(verb) ? longRunning.cell([verb, ...place.labels]) : inflight.cell([mutating.has(verb) ? 'mutating' : 'readOnly'])
      series.set(key, (found = { running, seconds: duration.observations(labels), labels, byStatus: new Map() }))
    }
    return found
  }
  return {
    begin(request, route) {
      const startedMs = clock.monotonic()
      const { running, seconds, labels, byStatus } = seriesOf(verbOf(request, route), placeOf(registry, request, route), request.query.get('dryRun') === 'All')
      running.value++
      return (status) => {
        running.value--
        seconds.observe((clock.monotonic() - startedMs) / 1000)
        let count = byStatus.get(status)
        if (!count) byStatus.set(status, (count = total.cell([...labels, String(status)])))
        count.value++
      }
    },
  }
}

/** What requests of one sort are counted in: looked up once. */
interface Series {
  readonly running: Cell
  readonly seconds: Observations
  readonly labels: readonly string[]
  readonly byStatus: Map<number, Cell>
}

interface Place {
  readonly key: string
  readonly labels: readonly string[]
}

const isLongRunning = (verb: string): boolean => verb === 'WATCH' || verb === 'CONNECT'

function verbOf({ method, headers, query }: ApiRequest, route: Route | undefined): string {
  if (!route) return method
  if (route.subresource && (connecting.has(route.subresource) || (route.subresource === 'log' && query.has('follow')))) return 'CONNECT'
  if (route.verb === 'patch' && headers['content-type']?.startsWith('application/apply-patch')) return 'APPLY'
  return verbNames[route.verb] ?? route.verb.toUpperCase()
}

/** Only what is served becomes a label: whatever else clients ask for must not grow the server. */
function placeOf(registry: Registry, { path }: ApiRequest, route: Route | undefined): Place {
  if (!route) {
    const known = knownPath.exec(path)?.[0] ?? ''
    return { key: known, labels: ['', '', '', known, '', 'apiserver'] }
  }
  const resource = registry.find(route)
  if (!resource) return unknownPlace
  const { group, version, plural } = resource.kind
  const subresource = route.subresource && (resource.subresources as readonly string[]).includes(route.subresource) ? route.subresource : ''
  const scope = scopeOf(route)
  return { key: `${group}/${plural}/${subresource}/${scope}`, labels: [group, version, plural, subresource, scope, 'apiserver'] }
}

const unknownPlace: Place = { key: '?', labels: ['', '', '', '', 'cluster', 'apiserver'] }

const scopeOf = ({ name, verb, namespace }: Route): string => (name || verb === 'create' ? 'resource' : namespace ? 'namespace' : 'cluster')

function addStorageMetrics({ metrics, registry, storage, version }: RequestMetricsOptions): void {
  const objects = metrics.gauge({
    name: 'apiserver_storage_objects',
    help: 'Number of stored objects at the time of last check split by kind.',
    labels: ['resource'],
  })
  const byGroup = metrics.gauge({
    name: 'apiserver_resource_objects',
    help: 'Number of stored objects at the time of last check split by kind.',
    labels: ['group', 'resource'],
  })
  const build = metrics.gauge({
    name: 'kubernetes_build_info',
    help: 'A metric with a constant value labelled by the version that the server speaks.',
    labels: ['major', 'minor', 'git_version'],
  })
  build.set(1, [version.major, version.minor, version.gitVersion])
  metrics.onCollect(() => {
    for (const resource of registry.all()) {
      const { kind } = resource
      const count = storage.count(resource)
      objects.set(count, [kind.group ? `${kind.plural}.${kind.group}` : kind.plural])
      byGroup.set(count, [kind.group, kind.plural])
    }
  })
}
