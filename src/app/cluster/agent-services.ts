import type { EndpointSlice, Node, Service } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import type { HostPorts } from '../../node/network/host-ports.ts'
import { chooseServiceProxy } from '../../node/network/service-proxy/choose-proxy.ts'
import type { ServiceProxy } from '../../node/network/service-proxy/service-proxy-contract.ts'
import { startServiceProxy, type RunningServiceProxy } from '../../node/network/service-proxy/service-proxy.ts'
import { layoutOf } from './layout.ts'
import { runningNodes } from './profile-nodes.ts'
import type { Profile } from './profile.ts'
import type { RoleContext } from './role.ts'

interface AgentServicesOptions {
  readonly client: Client
  readonly nodes: Informer<Node>
  readonly services: Informer<Service>
  readonly endpointSlices: Informer<EndpointSlice>
  readonly hostPorts: HostPorts
  /** The profile as it is now: a node that is stopped answers on no port. */
  readonly profile: () => Profile
}

/** What this machine can do. Changes nothing yet. */
export async function chooseAgentProxy(context: RoleContext, options: Pick<AgentServicesOptions, 'nodes' | 'profile'>): Promise<ServiceProxy> {
  const { clock, log, signal } = context
  const proxy = await chooseServiceProxy({ nodes: nodesOf(options), masqueradeAs: layoutOf(context.profile).gatewayIP, clock, log, signal })
  log.info({ proxy: proxy.name }, 'Services have a proxy')
  return proxy
}

const nodesOf = (options: Pick<AgentServicesOptions, 'nodes' | 'profile'>) => () =>
  runningNodes(options.profile()).map(({ name, address }) => ({ name, ip: address, podCIDR: options.nodes.get(name)?.spec.podCIDR }))

/** Makes Services answer on the addresses of the running nodes and on their own. */
export function startAgentServices(context: RoleContext, options: AgentServicesOptions & { readonly proxy: ServiceProxy }): RunningServiceProxy {
  const { clock, log, signal } = context
  const { dnsIP } = layoutOf(context.profile)
  const nodes = nodesOf(options)
  const running = startServiceProxy({
    client: options.client,
    services: options.services,
    endpointSlices: options.endpointSlices,
    proxy: options.proxy,
    hostPorts: options.hostPorts,
    nodes,
    nodesSynced: options.nodes.synced,
    skip: ({ address }) => address === dnsIP,
    clock,
    log,
    signal,
  })
  options.nodes.onChange(({ old, object }) => {
    if (old?.spec.podCIDR !== object?.spec.podCIDR) running.nodesChanged()
  })
  return running
}
