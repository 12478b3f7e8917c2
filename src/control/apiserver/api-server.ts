import { resources as builtInResources } from '../../base/api/resources/index.ts'
import type { Resource } from '../../base/api/resource.ts'
import type { Client } from '../../base/client/client.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { MetricRegistry } from '../../base/lib/metrics.ts'
import type { Store } from '../store/store.ts'
import { AdmissionChain, type AdmissionPlugin } from './admission/admission.ts'
import { admissionPlugins } from './admission/index.ts'
import { certificateAuthenticator, type Authenticator } from './auth/authenticator.ts'
import { escalationCheck } from './auth/rbac/escalation.ts'
import { createRbac } from './auth/rbac/index.ts'
import { ServiceAccountTokens, type ServiceAccountKeys } from './auth/service-account-tokens.ts'
import { createReader, type NodeEndpoint, type Reader } from './context.ts'
import type { HealthCheck, VersionInfo } from './health.ts'
import { listen, type Listening, type ListenOptions } from './http/listener.ts'
import { LoopbackClient } from './loopback-client.ts'
import { maintain } from './maintenance.ts'
import { OpenApi } from './openapi.ts'
import { Registry } from './registry.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { createServed } from './serve.ts'
import type { ApiRequest, ApiResponse, UserInfo } from './request.ts'
import { createDispatch } from './dispatch.ts'
import { ServiceAddresses } from './services/service-addresses.ts'
import { ObjectStorage } from './storage/object-storage.ts'
import type { SubresourceContext } from './subresources/index.ts'

export interface ApiServerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** Signs and verifies ServiceAccount tokens. */
  readonly serviceAccounts: { readonly issuer: string; readonly keys: ServiceAccountKeys; readonly audiences?: readonly string[] }
  /** IPv4, such as `10.96.0.0/16`. */
  readonly serviceCIDR: string
  readonly nodePorts?: { readonly first: number; readonly last: number }
  /** Tried in order, before client certificates and ServiceAccount tokens. */
  readonly authenticators?: readonly Authenticator[]
  /** Where a node's kubelet endpoint is, for logs and exec. */
  readonly nodeDialer?: (nodeName: string) => NodeEndpoint | undefined
  /** Added after the built-in plugins. */
  readonly admission?: (reader: Reader) => readonly AdmissionPlugin[]
  /** Objects that are handed out refuse changes: for tests. */
  readonly freezeObjects?: boolean
  readonly resources?: readonly Resource[]
  readonly version?: VersionInfo
  /** Added after the server's own. */
  readonly healthChecks?: readonly HealthCheck[]
  /** What `/metrics` shows; the server adds its own. Default: a registry of its own. */
  readonly metrics?: MetricRegistry
}

export interface ApiServer {
  /** One request of an authenticated user. Never rejects: refusals are Status responses. */
  handle(request: ApiRequest): Promise<ApiResponse>
  /** The API as `user`, without serialisation; admission and authorization apply. */
  loopbackClient(user: UserInfo): Client
  listen(options: ListenOptions): Promise<Listening>
  /** Compacts the store and drops old Events until `signal` aborts; await it before the store is closed. */
  maintain(signal: AbortSignal): Promise<void>
  /** May grow while the server runs. */
  readonly registry: Registry
  readonly tokens: ServiceAccountTokens
}

const defaultVersion: VersionInfo = { major: '1', minor: '36', gitVersion: 'v1.36.0' }

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { store, clock, log } = options
  const registry = new Registry(options.resources ?? builtInResources)
  const storage = new ObjectStorage(store, { freeze: options.freezeObjects ?? false })
  const reader = createReader(registry, storage)
  const tokens = new ServiceAccountTokens({ ...options.serviceAccounts, reader, clock })
  const addresses = new ServiceAddresses({
    ctx: () => context,
    serviceCIDR: options.serviceCIDR,
    ...(options.nodePorts ? { nodePorts: options.nodePorts } : {}),
  })
  const authorizer = createRbac({ registry, storage, reader })
  const context: SubresourceContext = {
    storage,
    registry,
    clock,
    log,
    tokens,
    hooks: [addresses],
    admission: new AdmissionChain([...admissionPlugins(reader), escalationCheck(authorizer), ...(options.admission?.(reader) ?? [])]),
    nodeDialer: options.nodeDialer ?? (() => undefined),
  }
  const version = options.version ?? defaultVersion
  const metrics = options.metrics ?? new MetricRegistry()
  const healthChecks = [{ name: 'ping', check: () => true }, { name: 'store', check: () => store.revision >= 0 }, ...(options.healthChecks ?? [])]
  const dispatch = createDispatch({ context, authorizer, version, healthChecks, metrics, openApi: new OpenApi(registry, version) })
  const authenticators = [...(options.authenticators ?? []), certificateAuthenticator, tokens]
  const requests = createRequestMetrics({ metrics, registry, storage, clock, version })
  const served = createServed({ context, dispatch, authorizer, authenticators, requests })
  return {
    registry,
    tokens,
    handle: served.respond,
    loopbackClient: (user) => new LoopbackClient({ dispatch, requests, user }),
    listen: (listenOptions) => listen(served, listenOptions),
    maintain: (signal) => maintain(context, signal),
  }
}
