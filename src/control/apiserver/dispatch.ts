import { StatusError } from '../../base/machinery/status-error.ts'
import type { Resource } from '../../base/api/resource.ts'
import { pods } from '../../base/api/kinds.ts'
import type { MetricRegistry } from '../../base/lib/metrics.ts'
import { describeAccess, type AccessRequest, type Authorizer } from './auth/authorizer.ts'
import { readJson } from './body.ts'
import type { Call } from './context.ts'
import { discovery } from './discovery.ts'
import { badRequest, forbidden, methodNotAllowed, noSuchPath } from './errors.ts'
import { health, version as versionDocument, type HealthCheck, type VersionInfo } from './health.ts'
import type { OpenApi } from './openapi.ts'
import type { Outcome } from './outcome.ts'
import type { ApiRequest, ApiResponse } from './request.ts'
import { negotiate } from './render/negotiate.ts'
import { reviews } from './reviews/index.ts'
import { parseRoute, type Route } from './route.ts'
import { subresourceHandlers, type SubresourceContext } from './subresources/index.ts'
import { timestamp } from './timestamp.ts'
import { createVerb } from './verbs/create.ts'
import { deleteCollectionVerb, deleteVerb } from './verbs/delete.ts'
import { getVerb } from './verbs/get.ts'
import { listVerb } from './verbs/list.ts'
import { patchVerb } from './verbs/patch.ts'
import { updateVerb } from './verbs/update.ts'
import { watchVerb } from './verbs/watch.ts'

export interface DispatchOptions {
  readonly context: SubresourceContext
  readonly authorizer: Authorizer
  readonly openApi: OpenApi
  readonly version: VersionInfo
  readonly healthChecks: readonly HealthCheck[]
  readonly metrics: MetricRegistry
}

type Verb = (ctx: SubresourceContext, call: Call) => Outcome | Promise<Outcome>

const verbs: Readonly<Record<string, Verb>> = {
  get: getVerb,
  list: listVerb,
  watch: watchVerb,
  create: createVerb,
  update: updateVerb,
  patch: patchVerb,
  delete: deleteVerb,
  deletecollection: deleteCollectionVerb,
}

/** What upstream's server warns of on every request. */
const deprecations: Readonly<Record<string, string>> = {
  '/endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
}

/** Route, authorize, run. Refuses by throwing a StatusError. `warnings` collects what the client shall be told. */
export const createDispatch =
  (options: DispatchOptions) =>
  async (request: ApiRequest, warnings: string[] = [], route = parseRoute(request)): Promise<Outcome> => {
    await authorize(options.authorizer, request, route)
    if (!route) return { type: 'response', response: await nonResource(options, request) }
    return resourceOutcome(options, { request, route, warnings })
  }

export type Dispatch = ReturnType<typeof createDispatch>

export async function authorize(authorizer: Authorizer, request: ApiRequest, route: Route | undefined): Promise<void> {
  const { user, path, method } = request
  const access: AccessRequest = route
    ? { user, ...route, name: route.name || selectedName(route, request), path: '' }
    : { user, verb: method.toLowerCase(), group: '', version: '', plural: '', subresource: '', namespace: '', name: '', path }
  const decision = await authorizer.authorize(access)
  if (decision.allowed) return
  const why = describeAccess(access) + (decision.reason ? `: ${decision.reason}` : '')
  throw route ? forbidden(route, route.name, why) : new StatusError('Forbidden', `forbidden: ${why}`, {})
}

const selecting = new Set(['list', 'watch', 'deletecollection'])

/** As upstream, a selection of one name is a request for that name: rules with resourceNames allow it. */
const selectedName = ({ verb }: Route, { query }: ApiRequest): string =>
  (selecting.has(verb) && /^metadata\.name==?([^,!=]+)$/.exec(query.get('fieldSelector') ?? '')?.[1]) || ''

async function nonResource({ context, openApi, version, healthChecks, metrics }: DispatchOptions, request: ApiRequest): Promise<ApiResponse> {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw noSuchPath()
  const answer = (await health(healthChecks, request)) ?? (await openApi.answer(request)) ?? discovery(context.registry, request)
  if (answer) return answer
  if (request.path === '/metrics') return { status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: metrics.render() }
  if (request.path === '/version' || request.path === '/version/') return versionDocument(version)
  if (request.path === '/') return { status: 200, body: { paths: rootPaths(context) } }
  if (request.path === '/openid/v1/jwks') return { status: 200, headers: { 'content-type': 'application/jwk-set+json' }, body: await context.tokens.jwks() }
  if (request.path === '/.well-known/openid-configuration') return { status: 200, body: openIdConfiguration(context.tokens.issuer) }
  throw noSuchPath()
}

const rootPaths = ({ registry }: SubresourceContext): string[] => {
  const groups = registry
    .all()
    .filter(({ kind }) => kind.group)
    .flatMap(({ kind }) => [`/apis/${kind.group}`, `/apis/${kind.group}/${kind.version}`])
  return [
    '/.well-known/openid-configuration',
    '/api',
    '/api/v1',
    '/apis',
    ...new Set(groups),
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/openid/v1/jwks',
    '/readyz',
    '/version',
  ]
}

const openIdConfiguration = (issuer: string) => ({
  issuer,
  jwks_uri: `${issuer}/openid/v1/jwks`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
})

async function resourceOutcome(
  options: DispatchOptions,
  { request, route, warnings }: { request: ApiRequest; route: Route; warnings: string[] },
): Promise<Outcome> {
  const review = reviews.find(({ kind }) => kind.group === route.group && kind.version === route.version && kind.plural === route.plural)
  if (review) return answerReview(options, { request, route, warnings, review })
  const found = findCall(options.context, { request, route, warnings })
  if (!found) throw noSuchPath()
  const { call, subresource } = found
  const deprecated = deprecations[`${call.resource.kind.group}/${call.resource.kind.plural}`]
  if (deprecated) warnings.push(deprecated)
  // Nothing is written for a client that could not read the answer.
  if (!subresource) negotiate(request.headers['accept'], { type: call.resource.kind.type, isWatch: call.route.verb === 'watch', hasForms: true })
  const outcome = subresource ? await subresourceHandlers[subresource]?.(options.context, call) : await verbs[call.route.verb]?.(options.context, call)
  if (!outcome) throw methodNotAllowed()
  return outcome
}

/** The resource and the served subresource that a path names. */
export function findCall(
  { registry }: SubresourceContext,
  { request, route, warnings }: Omit<Call, 'resource'>,
): { call: Call; subresource: string } | undefined {
  // POST …/bindings is the older spelling of …/pods/<name>/binding.
  const isBindings = route.group === '' && route.plural === 'bindings'
  const resource = registry.find(isBindings ? pods : route)
  if (!resource) return undefined
  if (isBindings) return { call: { request, route: { ...route, subresource: 'binding' }, resource, warnings }, subresource: 'binding' }
  if (!fitsScope(resource, route)) return undefined
  if (route.subresource && !(resource.subresources as readonly string[]).includes(route.subresource)) return undefined
  const place = resource.kind.namespaced ? route : { ...route, namespace: '' }
  return { call: { request, route: place, resource, warnings }, subresource: route.subresource }
}

/** Namespaced kinds have a namespace in their path, except for lists of all of them; the others have none. */
function fitsScope({ kind }: Resource, { namespace, name, verb }: Route): boolean {
  if (!kind.namespaced) return !namespace || kind.plural === 'namespaces'
  return Boolean(namespace) || (!name && verb !== 'create')
}

type ReviewCall = Omit<Call, 'resource'> & { readonly review: (typeof reviews)[number] }

async function answerReview({ context, authorizer }: DispatchOptions, { request, route, warnings, review }: ReviewCall): Promise<Outcome> {
  if (route.verb !== 'create') throw methodNotAllowed()
  const json = readJson({ request, route, warnings, resource: undefined as never })
  if (json === null || typeof json !== 'object' || Array.isArray(json))
    throw badRequest(`the object provided is unrecognized (must be of type ${review.kind.kind})`)
  const object = json as Record<string, unknown>
  const ctx = { authorizer, tokens: context.tokens, now: () => timestamp(context.clock) }
  const answered = await review.answer(ctx, object, request)
  const { kind } = review
  const base = {
    ...object,
    kind: kind.kind,
    apiVersion: `${kind.group}/${kind.version}`,
    metadata: { ...(object['metadata'] as object | undefined) },
  }
  return { type: 'object', status: 201, object: { ...base, ...answered } }
}
