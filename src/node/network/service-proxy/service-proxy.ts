import { endpointSlices, services } from '../../../base/api/kinds.ts'
import type { EndpointSlice, Service } from '../../../base/api/generated/types.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Client } from '../../../base/client/client.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { createInformer } from '../../../base/client/informer.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import { serviceBindings, type Binding, type ProxyNode } from './bindings.ts'
import { createUserspaceProxy, type ServiceProxy } from './userspace-proxy.ts'

export interface ServiceProxyOptions {
  readonly client: Client
  /** The nodes whose address answers on node ports. Asked again after `nodesChanged`. */
  readonly nodeIPs: () => readonly ProxyNode[]
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Informers to share with other parts of the agent; absent: its own. */
  readonly services?: Informer<Service>
  readonly endpointSlices?: Informer<EndpointSlice>
  /** The node a client's address belongs to, for `internalTrafficPolicy: Local`; unknown clients get any endpoint. */
  readonly nodeOfClient?: (ip: string) => string | undefined
  /** Bindings that somebody else serves, such as the cluster DNS on its own address. */
  readonly skip?: (binding: Binding) => boolean
  /** Default: sockets of this process. */
  readonly proxy?: ServiceProxy
}

export interface RunningServiceProxy {
  /** Resolves when every Service that existed at the start is applied. */
  readonly synced: Promise<void>
  nodesChanged(): void
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
  const proxy = options.proxy ?? createUserspaceProxy({ clock, log, signal, nodeOfClient: options.nodeOfClient })
  const dirty = new Set<string>()
  let ready = false

  const bindingsOf = (key: string): readonly Binding[] => {
    const service = serviceInformer.get(key)
    if (!service) return []
    const bindings = serviceBindings({ service, slices: sliceInformer.byIndex('service', key), nodes: options.nodeIPs() })
    return options.skip ? bindings.filter((binding) => !options.skip!(binding)) : bindings
  }
  const flush = () => {
    if (!ready || signal.aborted) return
    const keys = [...dirty]
    dirty.clear()
    for (const key of keys) proxy.apply(key, bindingsOf(key))
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
  const synced = Promise.all([serviceInformer.synced, sliceInformer.synced]).then(() => {
    ready = true
    flush()
  })
  return { synced, nodesChanged: () => serviceInformer.list().forEach((service) => wake(keyOf(service))) }
}
