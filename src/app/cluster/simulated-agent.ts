import { nodes } from '../../base/api/kinds.ts'
import { createInformer } from '../../base/client/informer.ts'
import { simulatedImageStore } from '../../node/images/simulated-image-store.ts'
import { serveKubelet } from '../../node/kubelet/server/serve-kubelet.ts'
import { startKubelets } from '../../node/kubelet/start-kubelets.ts'
import { AddressPool } from '../../node/network/pod-network.ts'
import { createSimulatedRuntime } from '../../node/runtime/simulated/simulated-runtime.ts'
import { clientOf } from './identities.ts'
import { layoutOf } from './layout.ts'
import { localNodes } from './local-nodes.ts'
import type { RoleContext } from './role.ts'

/** Nodes whose Pods only change state: no rights, no Linux, no network. They live in the server's own process. */
export async function startSimulatedAgent(context: RoleContext): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  const local = localNodes(context)
  const client = clientOf(paths, 'agent')
  const nodeInformer = createInformer(client, nodes, { signal, clock, log })
  const pools = new Map<string, AddressPool>()
  const podIp = (node: string) => {
    const podCIDR = nodeInformer.get(node)?.spec.podCIDR
    if (!podCIDR) throw new Error(`node ${node} has no Pod range yet`)
    const pool = pools.get(podCIDR) ?? new AddressPool(podCIDR)
    pools.set(podCIDR, pool)
    return pool.take()
  }
  const runtime = createSimulatedRuntime({ clock, log, podIp: (sandbox) => podIp(sandbox.node) })
  const kubelets = await startKubelets({
    nodes: local.wanted(),
    clientFor: (node) => clientOf(paths, `node-${node}`),
    sharedClient: client,
    runtime,
    images: simulatedImageStore,
    directory: paths.kubelet,
    clusterDNS: layoutOf(profile).dnsIP,
    clusterDomain: 'cluster.local',
    clock,
    log,
    signal,
  })
  const followNodes = async () => {
    local.read()
    await kubelets.follow(local.wanted())
  }
  await serveKubelet({ socketPath: paths.agentSocket, kubelets, followNodes, clock, log, signal })
}
