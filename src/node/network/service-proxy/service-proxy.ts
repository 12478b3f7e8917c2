import { endpointSlices, services } from '../../../base/api/kinds.ts'
import type { EndpointSlice, Service } from '../../../base/api/generated/types.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Client } from '../../../base/client/client.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { createInformer } from '../../../base/client/informer.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import type { HostPorts } from '../host-ports.ts'
import { serviceBindings, type Binding, type ProxyNode, type ServiceView } from './bindings.ts'
import { EndpointWithdrawals } from './endpoint-withdrawals.ts'
import { HealthCheckPorts } from './health-check-ports.ts'
import type { ServiceProxy } from './service-proxy-contract.ts'

export interface ServiceProxyOptions {
  readonly client: Client
  /** The nodes whose addresses answer on node ports. Asked again after `nodesChanged`. */
  readonly nodes: () => readonly ProxyNode[]
  /** Resolves when `nodes` can be believed. */
  readonly nodesSynced?: Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Informers to share with other parts of the agent; absent: its own. */
  readonly services?: Informer<Service>
  readonly endpointSlices?: Informer<EndpointSlice>
  /** Bindings that somebody else serves, such as the cluster DNS on its own address. */
  readonly skip?: (binding: Binding) => boolean
  readonly proxy: ServiceProxy
  /** Ports of nodes that lead to single Pods. */
  readonly hostPorts?: HostPorts
}

export interface RunningServiceProxy {
  /** Resolves when every Service that existed at the start was handed to the proxy. */
  readonly synced: Promise<void>
  nodesChanged(): void
  /** Resolves when a Pod that ends is sent no new connections, at once where it is no endpoint, and when `signal` aborts. */
  withdrawn(podUid: string, signal: AbortSignal): Promise<void>
}

export const serviceNameLabel = 'kubernetes.io/service-name'

/** `namespace/name` of the Service a slice belongs to. */
export const serviceKeyOf = (slice: EndpointSlice): string => `${slice.metadata.namespace}/${slice.metadata.labels?.[serviceNameLabel] ?? ''}`

/** Watches Services and EndpointSlices and keeps their addresses answering. Works per Service: the cost grows with what changes. */
export const startServiceProxy = (options: ServiceProxyOptions): RunningServiceProxy => {
  const { client, signal, clock } = options
  const log = options.log.child({ part: 'service-proxy' })
  const serviceInformer = options.services ?? createInformer(client, services, { signal, clock, log })
  const sliceInformer = options.endpointSlices ?? createInformer(client, endpointSlices, { signal, clock, log })
  const { proxy } = options
  const healthChecks = new HealthCheckPorts({ clock, log, signal })
  const dirty = new Set<string>()
  let ready = false

  const viewOf = (key: string): ServiceView | undefined => {
    const service = serviceInformer.get(key)
    return service && { service, slices: sliceInformer.byIndex('service', key), nodes: options.nodes() }
  }
  const bindingsOf = (view: ServiceView): readonly Binding[] => serviceBindings(view).filter((binding) => options.skip?.(binding) !== true)
  const flush = () => {
    if (!ready || signal.aborted) return
    const views = [...dirty].map((key) => [key, viewOf(key)] as const)
    dirty.clear()
    proxy.apply(new Map(views.map(([key, view]) => [key, view ? bindingsOf(view) : (options.hostPorts?.get(key) ?? [])])))
    for (const [key, view] of views) healthChecks.apply(key, view)
  }
  const wake = (key: string) => {
    if (dirty.size === 0) setImmediate(flush)
    dirty.add(key)
  }
  sliceInformer.addIndex('service', (slice) => [serviceKeyOf(slice)])
  serviceInformer.onChange(({ old, object }) => wake(keyOf((object ?? old)!)))
  sliceInformer.onChange(({ old, object }) => {
    for (const slice of [old, object]) if (slice) wake(serviceKeyOf(slice))
  })
  // After the flush that a change of slices has asked for.
  const programmed = () => new Promise((resolve) => setImmediate(resolve)).then(() => proxy.settled())
  const withdrawals = new EndpointWithdrawals({ slices: sliceInformer, programmed, clock })
  options.hostPorts?.onChange(wake)
  for (const key of options.hostPorts?.keys() ?? []) wake(key)
  const synced = Promise.all([serviceInformer.synced, sliceInformer.synced, options.nodesSynced]).then(() => {
    ready = true
    flush()
  })
  return {
    synced,
    nodesChanged: () => serviceInformer.list().forEach((service) => wake(keyOf(service))),
    withdrawn: (podUid, until) => withdrawals.of(podUid, until),
  }
}
