import { nodes } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { simulatedImageStore } from '../../node/images/simulated-image-store.ts'
import { startKubelets, type Kubelets, type LocalNodes } from '../../node/kubelet/start-kubelets.ts'
import type { Part } from '../../node/kubelet/static-pods/part.ts'
import { AddressPool } from '../../node/network/pod-network.ts'
import { createSimulatedRuntime, type SimulatedContainerRuntime } from '../../node/runtime/simulated/simulated-runtime.ts'

export interface SimulatedNodesOptions {
  readonly nodes: LocalNodes
  readonly sharedClient: Client
  readonly clientFor: (node: string) => Client
  /** For the few files that kubelets keep. */
  readonly directory: string
  /** Processes that the nodes show as static Pods. */
  readonly parts?: readonly Part[]
  readonly clusterDNS: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

export interface SimulatedNodes {
  readonly kubelets: Kubelets
  readonly runtime: SimulatedContainerRuntime
}

/** Nodes whose Pods only change state: no rights, no Linux, no network. Resolves when they are registered. */
export async function startSimulatedNodes(options: SimulatedNodesOptions): Promise<SimulatedNodes> {
  const { clock, log, signal } = options
  const addresses = nodeAddresses(options)
  const runtime = createSimulatedRuntime({
    clock,
    log,
    podIp: ({ node }) => addresses(node).take(),
    releaseIp: ({ node }, ip) => addresses(node).release(ip),
  })
  const kubelets = await startKubelets({
    nodes: options.nodes,
    clientFor: options.clientFor,
    sharedClient: options.sharedClient,
    runtime,
    images: simulatedImageStore,
    directory: options.directory,
    parts: options.parts ?? [],
    clusterDNS: options.clusterDNS,
    clusterDomain: 'cluster.local',
    clock,
    log,
    signal,
  })
  return { kubelets, runtime }
}

/** A node's free addresses, from the range that the node was given. */
function nodeAddresses({ sharedClient, clock, log, signal }: SimulatedNodesOptions): (node: string) => AddressPool {
  const informer = createInformer(sharedClient, nodes, { signal, clock, log })
  const pools = new Map<string, AddressPool>()
  return (node) => {
    const podCIDR = informer.get(node)?.spec.podCIDR
    if (!podCIDR) throw new Error(`node ${node} has no Pod range yet`)
    const pool = pools.get(podCIDR) ?? new AddressPool(podCIDR)
    pools.set(podCIDR, pool)
    return pool
  }
}
