import { createConnection, createServer } from 'node:net'
import { endpointSlices, nodes as nodeKind, services } from '../../base/api/kinds.ts'
import { createInformer } from '../../base/client/informer.ts'
import { startDns } from '../../node/dns/dns.ts'
import { createImageStore } from '../../node/images/local-image-store.ts'
import { serveKubelet } from '../../node/kubelet/server/serve-kubelet.ts'
import { startKubelets } from '../../node/kubelet/start-kubelets.ts'
import { HostPorts } from '../../node/network/host-ports.ts'
import { createNodeNetwork } from '../../node/network/node-network.ts'
import { createPodNetwork } from '../../node/network/pod-network.ts'
import { createVolumeFolders } from '../../node/storage/volume-folders.ts'
import { createProcessRuntime } from '../../node/runtime/process/process-runtime.ts'
import { chooseAgentProxy, startAgentServices } from './agent-services.ts'
import { dialThroughHost } from './host-dialer.ts'
import { askHostDns } from './host-dns.ts'
import { clientOf } from './identities.ts'
import { layoutOf, type Layout } from './layout.ts'
import { contextName } from './names.ts'
import { localNodes } from './local-nodes.ts'
import { clusterParts } from './parts.ts'
import { version } from '../version.ts'
import { aborted, type RoleContext } from './role.ts'

/** The agent process, inside the profile's network namespace: kubelets, Pod network, Services and DNS of the local nodes. */
export async function runAgent(context: RoleContext): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  const layout = layoutOf(profile)
  const nodes = localNodes(context)
  const client = clientOf(paths, 'agent')
  const images = await createImageStore({
    directory: paths.images,
    log,
    nodeExecutable: process.execPath,
    registriesFile: paths.registries,
    dial: dialThroughHost(paths.dialSocket),
    proxy: context.proxy,
    clock,
  })
  const nodeInformer = createInformer(client, nodeKind, { signal, clock, log })
  const podCIDR = (node: string) => nodeInformer.get(node)?.spec.podCIDR
  const nodeIP = (node: string) => nodes.current().nodes.find(({ name }) => name === node)?.address
  const nodeNetwork = createNodeNetwork({
    profile: profile.name,
    nodeIP,
    podCIDR,
    ownPorts: (node) => (node === layout.controlPlane.name ? [layout.agentApiPort] : []),
    log,
  })
  const hostPorts = new HostPorts({ nodeIP, network: nodeNetwork })
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
  const shared = { ...network, client: proxyClient, nodes: nodeInformer, hostPorts, profile: () => nodes.current() }
  const [runtime, serviceProxy] = await Promise.all([
    createProcessRuntime({
      directory: paths.runtime,
      images,
      log,
      clock,
      network: createPodNetwork({ podCIDR, hostPorts, log }),
      nodeNetwork: (node) => nodeNetwork.of(node),
      cgroupRoot: contextName(profile),
      limits: { cpus: profile.resources?.cpus, memoryBytes: profile.resources?.memoryBytes },
    }),
    chooseAgentProxy(context, shared),
    relayApi(layout, paths.serverSocket, signal),
  ])
  // After the runtime has told of the host ports of what runs: rules that are wanted still are never taken away.
  const proxy = startAgentServices(context, { ...shared, proxy: serviceProxy })
  const kubelets = await startKubelets({
    nodes: nodes.wanted(),
    clientFor: (node) => clientOf(paths, `node-${node}`),
    sharedClient: client,
    runtime,
    images,
    directory: paths.kubelet,
    volumePathOf: createVolumeFolders(paths.volumes).pathOf,
    withdrawn: proxy.withdrawn,
    parts: clusterParts({ profile, paths, version }),
    clusterDNS: layout.dnsIP,
    clusterDomain: 'cluster.local',
    clock,
    log,
    signal,
  })
  const followNodes = async () => {
    nodes.read()
    proxy.nodesChanged()
    await kubelets.follow(nodes.wanted())
  }
  await Promise.all([dns.listening, serveKubelet({ socketPath: paths.agentSocket, kubelets, followNodes, clock, log, signal })])
  log.info({ nodes: kubelets.kubelets.length }, 'the agent runs')
  await aborted(signal)
  await kubelets.close()
  await runtime.close()
}

/** The Service default/kubernetes ends here: raw TLS is carried to the server's unix socket, which no firewall of the host touches. */
function relayApi(layout: Layout, socketPath: string, signal: AbortSignal): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (incoming) => {
    const outgoing = createConnection({ path: socketPath, allowHalfOpen: true })
    incoming.on('error', () => outgoing.destroy()).pipe(outgoing)
    outgoing.on('error', () => incoming.destroy()).pipe(incoming)
  })
  signal.addEventListener('abort', () => server.close(), { once: true })
  return new Promise((resolve, reject) => server.once('error', reject).listen(layout.agentApiPort, layout.controlPlane.address, () => resolve()))
}
