import type { Ingress, IngressBackend, IngressClass } from '../../base/api/generated/types.ts'
import { keyOf } from '../../base/api/object.ts'
import { type IngressSettings, settingsOf } from './annotations.ts'
import { isServed } from './ingress-class.ts'
import { normalizeHost, normalizePath, pathMatcher, type PathMatcher, type PathType, regexMatcher, withoutTrailingSlash } from './paths.ts'

/** What the routing table is made of. */
export interface RoutesView {
  readonly ingresses: readonly Ingress[]
  readonly classOf: (name: string) => IngressClass | undefined
}

/** Where requests of a route go. */
export interface Backend {
  readonly namespace: string
  /** Empty for a backend that is not a Service: such have no endpoints here. */
  readonly service: string
  readonly port: { readonly name?: string; readonly number?: number }
}

export interface Route {
  /** `namespace/name` of the Ingress it comes from. */
  readonly ingress: string
  readonly backend: Backend
  readonly settings: IngressSettings
}

interface PathRoute extends Route {
  readonly path: string
  readonly type: PathType
  readonly matches: PathMatcher
}

interface HostRoutes {
  /** In the order in which they are tried. */
  paths: PathRoute[]
  defaultRoute: Route | undefined
}

export interface Routes {
  /** By host as the rules have it: a name, `*.name`, or empty for rules without one. */
  readonly hosts: ReadonlyMap<string, HostRoutes>
  /** By `NAME.localhost` and `NAME.NAMESPACE.localhost`: an Ingress under its own name, whatever hosts its rules have. */
  readonly aliases: ReadonlyMap<string, HostRoutes>
  readonly defaultRoute: Route | undefined
  /** Host (or `*.name`) to the `namespace/name` of the Secret with its certificate. */
  readonly certificates: ReadonlyMap<string, string>
}

export interface RouteMatch extends Route {
  /** The path to send on instead of the request's own, where the Ingress rewrites it. */
  readonly rewrittenPath: string | undefined
}

/** Builds the table. Where two Ingresses say the same, the older one wins. */
export const buildRoutes = (view: RoutesView): Routes => {
  const served = view.ingresses.filter((ingress) => !ingress.metadata.deletionTimestamp && isServed(ingress, view.classOf)).sort(byAge)
  const hosts = new Map<string, HostRoutes>()
  const aliases = new Map<string, HostRoutes>()
  const certificates = new Map<string, string>()
  let defaultRoute: Route | undefined
  for (const ingress of served) {
    const routes = routesOf(ingress)
    for (const [host, paths] of routes.byHost) mergeHost(hosts, host, paths, routes.defaultRoute)
    for (const alias of aliasesOf(ingress)) if (!aliases.has(alias)) mergeHost(aliases, alias, [...routes.byHost.values()].flat(), routes.defaultRoute)
    for (const [host, secret] of certificatesOf(ingress)) if (!certificates.has(host)) certificates.set(host, secret)
    defaultRoute ??= routes.defaultRoute
  }
  for (const table of [...hosts.values(), ...aliases.values()]) table.paths.sort(byPrecedence)
  return { hosts, aliases, defaultRoute, certificates }
}

/**
 * The route of a request, or nothing (404). The most specific host that has rules decides: the name itself, then an Ingress's
 * own name under `localhost`, then a wildcard (one label), then rules without a host. Requests that no path covers go to the default backend.
 */
export const matchRoute = (routes: Routes, host: string, target: string): RouteMatch | undefined => {
  const table = hostRoutes(routes, normalizeHost(host))
  const path = normalizePath(target)
  for (const route of table?.paths ?? []) {
    const match = route.matches(path)
    if (match) return { ...route, rewrittenPath: rewrite(route.settings.rewriteTarget, match.groups) }
  }
  const fallback = table?.defaultRoute ?? routes.defaultRoute
  return fallback && { ...fallback, rewrittenPath: undefined }
}

/** The Secret whose certificate is shown for a server name. */
export const matchCertificate = (routes: Routes, serverName: string): string | undefined => {
  const host = normalizeHost(serverName)
  return routes.certificates.get(host) ?? routes.certificates.get(wildcardOf(host))
}

const hostRoutes = (routes: Routes, host: string): HostRoutes | undefined =>
  routes.hosts.get(host) ?? routes.aliases.get(host) ?? routes.hosts.get(wildcardOf(host)) ?? routes.hosts.get('')

/** `*.example.com` for `a.example.com`: a wildcard stands for exactly one label. */
const wildcardOf = (host: string): string => `*${host.includes('.') ? host.slice(host.indexOf('.')) : '.'}`

const rewrite = (target: string | undefined, groups: readonly string[]): string | undefined => {
  const path = target?.replace(/\$(\d)/g, (_, digit: string) => groups[Number(digit)] ?? '')
  return path === undefined || path.startsWith('/') ? path : `/${path}`
}

const routesOf = (ingress: Ingress): { byHost: Map<string, PathRoute[]>; defaultRoute: Route | undefined } => {
  const settings = settingsOf(ingress)
  const route = (backend: IngressBackend): Route => ({ ingress: keyOf(ingress), settings, backend: backendOf(ingress, backend) })
  const byHost = new Map<string, PathRoute[]>()
  for (const rule of ingress.spec.rules ?? []) {
    const host = (rule.host ?? '').toLowerCase()
    const paths = (rule.http?.paths ?? []).map((entry) => {
      const path = entry.path || '/'
      const type: PathType = entry.pathType === 'Exact' ? 'Exact' : 'Prefix'
      const isRegex = settings.pathsAreRegex && type !== 'Exact'
      return { ...route(entry.backend), path, type, matches: isRegex ? regexMatcher(path) : pathMatcher(path, type) }
    })
    byHost.set(host, [...(byHost.get(host) ?? []), ...paths])
  }
  return { byHost, defaultRoute: ingress.spec.defaultBackend && route(ingress.spec.defaultBackend) }
}

const backendOf = (ingress: Ingress, backend: IngressBackend): Backend => ({
  namespace: ingress.metadata.namespace ?? 'default',
  service: backend.service?.name ?? '',
  port: { ...backend.service?.port },
})

const aliasesOf = (ingress: Ingress): readonly string[] => {
  const { name, namespace } = ingress.metadata
  return [`${name}.localhost`, `${name}.${namespace ?? 'default'}.localhost`]
}

const certificatesOf = (ingress: Ingress): readonly (readonly [string, string])[] =>
  (ingress.spec.tls ?? []).flatMap((tls) => {
    if (!tls.secretName) return []
    const hosts = tls.hosts?.length ? tls.hosts : (ingress.spec.rules ?? []).flatMap((rule) => rule.host ?? [])
    return hosts.map((host) => [host.toLowerCase(), `${ingress.metadata.namespace ?? 'default'}/${tls.secretName!}`] as const)
  })

const mergeHost = (hosts: Map<string, HostRoutes>, host: string, paths: readonly PathRoute[], defaultRoute: Route | undefined): void => {
  const known = hosts.get(host)
  if (!known) return void hosts.set(host, { paths: [...paths], defaultRoute })
  known.paths.push(...paths)
  known.defaultRoute ??= defaultRoute
}

/** Longest path first, Exact before Prefix; sorting is stable, so age decides what is left. */
const byPrecedence = (a: PathRoute, b: PathRoute): number =>
  withoutTrailingSlash(b.path).length - withoutTrailingSlash(a.path).length || Number(b.type === 'Exact') - Number(a.type === 'Exact')

const byAge = (a: Ingress, b: Ingress): number => compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') || compare(keyOf(a), keyOf(b))

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
