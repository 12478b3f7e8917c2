import { totalmem, cpus } from 'node:os'
import { statfsSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { endpointSlices, nodes, services } from '../../base/api/kinds.ts'
import { createInformer } from '../../base/client/informer.ts'
import { startDns } from '../../node/dns/dns.ts'
import { createImageStore } from '../../node/images/local-image-store.ts'
import { serveKubelet } from '../../node/kubelet/server/serve-kubelet.ts'
import { startKubelets } from '../../node/kubelet/start-kubelets.ts'
import { createPodNetwork } from '../../node/network/pod-network.ts'
import { startServiceProxy } from '../../node/network/service-proxy/service-proxy.ts'
import { createProcessRuntime } from '../../node/runtime/process/process-runtime.ts'
import { askHostDns } from './host-dns.ts'
import { clientOf } from './identities.ts'
import { layoutOf, type Layout } from './layout.ts'
import { contextName } from './names.ts'
import type { Profile } from './profile.ts'
import { aborted, type RoleContext } from './role.ts'

/** The agent process, inside the profile's network namespace: kubelets, Pod network, Services and DNS of the local nodes. */
export async function runAgent(context: RoleContext): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  const layout = layoutOf(profile)
  const client = clientOf(paths, 'agent')
  const images = await createImageStore({ directory: paths.images, log, nodeExecutable: process.execPath })
  const nodeInformer = createInformer(client, nodes, { signal, clock, log })
  const podNetwork = createPodNetwork({
    podCIDR: (node) => nodeInformer.get(node)?.spec.podCIDR,
    nodeIP: (node) => layout.nodes.find(({ name }) => name === node)?.ip,
    log,
  })
  const runtime = await createProcessRuntime({ directory: paths.runtime, images, log, clock, network: podNetwork, cgroupRoot: contextName(profile) })
  await relayApi(layout, paths.serverSocket, signal)
  // DNS and the service proxy read the same objects: one watch of each serves both.
  const proxyClient = clientOf(paths, 'proxy')
  const network = {
    services: createInformer(proxyClient, services, { signal, clock, log }),
    endpointSlices: createInformer(proxyClient, endpointSlices, { signal, clock, log }),
  }
  const dns = startDns({
    ...network,
    client: clientOf(paths, 'dns'),
    address: layout.dnsIP,
    upstream: (query) => askHostDns(paths.dnsSocket, query),
    clock,
    log,
    signal,
  })
  startServiceProxy({ ...network, client: proxyClient, nodeIPs: () => layout.nodes, skip: ({ address }) => address === layout.dnsIP, clock, log, signal })
  const kubelets = await startKubelets({
    nodes: nodeConfigs(profile, paths.directory),
    clientFor: (node) => clientOf(paths, `node-${node}`),
    sharedClient: client,
    runtimeFor: () => runtime,
    images,
    directory: paths.kubelet,
    clusterDNS: layout.dnsIP,
    clusterDomain: 'cluster.local',
    clock,
    log,
    signal,
  })
  await Promise.all([dns.listening, serveKubelet({ socketPath: paths.agentSocket, kubelets, clock, log, signal })])
  log.info({ nodes: layout.nodes.length }, 'the agent runs')
  await aborted(signal)
  await kubelets.close()
  await runtime.close()
}

/** Every virtual node has the capacity of the machine, as minikube's and kind's nodes have. */
export function nodeConfigs(profile: Profile, directory: string) {
  const disk = statfsSync(directory)
  const capacity = { cpu: cpus().length, memoryBytes: totalmem(), pods: 110, ephemeralStorageBytes: disk.blocks * disk.bsize }
  return layoutOf(profile).nodes.map(({ name, ip }, index) => {
    const role = index === 0 ? ('control-plane' as const) : ('worker' as const)
    return { name, roles: [role], internalIP: ip, externalIP: ip, capacity }
  })
}

/** The Service default/kubernetes ends here: raw TLS is carried to the server's unix socket, which no firewall of the host touches. */
function relayApi(layout: Layout, socketPath: string, signal: AbortSignal): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = createConnection({ path: socketPath, allowHalfOpen: true })
    incoming.on('error', () => outgoing.destroy()).pipe(outgoing)
    outgoing.on('error', () => incoming.destroy()).pipe(incoming)
  })
  signal.addEventListener('abort', () => server.close(), { once: true })
  return new Promise((resolve, reject) => server.once('error', reject).listen(layout.agentApiPort, layout.nodes[0]?.ip, () => resolve()))
}
