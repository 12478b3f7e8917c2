import { Resolver } from 'node:dns/promises'
import { isIP, type AddressInfo, type LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import { endpointSlices, ingressClasses, ingresses, secrets, services } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder } from '../../base/client/events.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { resolveBackend, type Target } from './backends.ts'
import { type Certificate, CertificateCache } from './certificates.ts'
import { isServed } from './ingress-class.ts'
import type { StatusAddress } from './ingress-status.ts'
import { type ListenTarget, startListeners } from './listeners.ts'
import { createProxyAgent } from './proxy.ts'
import { createRequestHandlers } from './request-handler.ts'
import { type Backend, buildRoutes, matchCertificate, type Routes } from './routes.ts'
import { startStatusWriter } from './status-writer.ts'

export interface GatewayOptions {
  readonly client: Client
  readonly listeners: { readonly http: readonly ListenTarget[]; readonly https: readonly ListenTarget[] }
  /** What Ingresses show as their address; asked again every few seconds. */
  readonly statusAddress: () => StatusAddress
  /** Who it is in events, such as `ingress-knarr`. */
  readonly identity: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Shown for hosts without a certificate; self-signed unless given. */
  readonly defaultCertificate?: Certificate
  /** The servers that ExternalName targets are looked up at (`host` or `host:port`); the system's own unless given. */
  readonly dnsServers?: readonly string[]
  /** The port by which HTTPS is reached from outside, for redirects; the first listener's unless given. */
  readonly publicHttpsPort?: number
}

export interface Gateway {
  readonly http: readonly AddressInfo[]
  readonly https: readonly AddressInfo[]
  /** Resolves when the cluster's Ingresses, Services, endpoints and certificates are known. Requests before that wait. */
  readonly synced: Promise<void>
  /** Resolves after an abort, when everything has ended. */
  readonly stopped: Promise<void>
}

/** The Ingress controller: serves the Ingresses of its classes and writes their status. Resolves when it listens. */
export const startGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const { client, clock, signal, identity } = options
  const log = options.log.child({ component: 'gateway' })
  const cluster = watchCluster(client, { clock, log, signal })
  const lookup = options.dnsServers?.length ? dnsLookup(options.dnsServers) : undefined
  const agent = createProxyAgent(lookup ? { lookup } : {})
  let httpsPort = options.publicHttpsPort
  const handlers = createRequestHandlers({
    routes: cluster.routes,
    targetsOf: ({ backend }) => cluster.targetsOf(backend),
    agent,
    lookup,
    httpsPort: () => httpsPort,
    synced: cluster.synced,
    log,
  })
  const defaultCertificate = options.defaultCertificate ?? (await (await import('./default-certificate.ts')).createDefaultCertificate(clock))
  const listeners = await startListeners({ ...options.listeners, handlers, defaultCertificate, contextOf: cluster.contextOf, clock, signal })
  httpsPort ??= listeners.https[0]?.port
  const recorder = createEventRecorder({ client, clock, log, component: 'knarr-ingress-controller', host: identity })
  const statusWriter = startStatusWriter({
    client,
    clock,
    log,
    signal,
    recorder,
    served: cluster.served,
    statusAddress: options.statusAddress,
    synced: cluster.synced,
  })
  cluster.onIngressChange(statusWriter.wake)
  const stopped = Promise.all([listeners.closed.then(() => agent.destroy()), statusWriter.stopped]).then(() => undefined)
  return { http: listeners.http, https: listeners.https, synced: cluster.synced, stopped }
}

/** The gateway's view of the cluster; tables are rebuilt by the first request after a change. */
const watchCluster = (client: Client, options: { clock: Clock; log: Log; signal: AbortSignal }) => {
  const ingress = createInformer(client, ingresses, options)
  const classes = createInformer(client, ingressClasses, options)
  const service = createInformer(client, services, options)
  const slices = createInformer(client, endpointSlices, options)
  const secret = createInformer(client, secrets, options)
  slices.addIndex('service', ({ metadata }) => {
    const name = metadata.labels?.['kubernetes.io/service-name']
    return name ? [`${metadata.namespace}/${name}`] : []
  })
  const certificates = new CertificateCache(options.log)
  let table: Routes | undefined
  const rotation = new Map<string, { readonly targets: readonly Target[]; next: number }>()
  const routes = (): Routes => (table ??= buildRoutes({ ingresses: ingress.list(), classOf: classes.get }))
  for (const informer of [ingress, classes]) informer.onChange(() => void (table = undefined))
  for (const informer of [service, slices]) informer.onChange(() => rotation.clear())

  const targetsOf = (backend: Backend): readonly Target[] => {
    const key = JSON.stringify(backend)
    let turn = rotation.get(key)
    if (!turn) {
      const targets = resolveBackend({ service: service.get, slicesOf: (name) => slices.byIndex('service', name) }, backend)
      turn = { targets, next: Math.floor(Math.random() * targets.length) }
      rotation.set(key, turn)
    }
    if (turn.targets.length < 2) return turn.targets
    const first = turn.next++ % turn.targets.length
    return [...turn.targets.slice(first), ...turn.targets.slice(0, first)]
  }

  return {
    routes,
    targetsOf,
    contextOf(serverName: string): SecureContext | undefined {
      const key = matchCertificate(routes(), serverName)
      return key === undefined ? undefined : certificates.contextOf(key, secret.get(key))
    },
    served: () => ingress.list().filter((candidate) => isServed(candidate, classes.get)),
    onIngressChange(handler: () => void): void {
      ingress.onChange(handler)
      classes.onChange(handler)
    },
    synced: Promise.all([ingress, classes, service, slices, secret].map((informer) => informer.synced)).then(() => undefined),
  }
}

/** Looks names up at given servers; a name that is an address already is taken as it is. */
const dnsLookup = (servers: readonly string[]): LookupFunction => {
  const resolver = new Resolver()
  resolver.setServers(servers)
  return (hostname, options, callback) => {
    const addresses = isIP(hostname) ? Promise.resolve([hostname]) : resolver.resolve4(hostname)
    addresses.then(
      (found) =>
        options.all
          ? callback(
              null,
              found.map((address) => ({ address, family: isIP(address) })),
            )
          : callback(null, found[0]!, isIP(found[0]!)),
      (error: NodeJS.ErrnoException) => callback(error, '', 4),
    )
  }
}
