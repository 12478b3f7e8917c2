import { createImageStore } from '../../node/images/local-image-store.ts'
import { startKubelets } from '../../node/kubelet/kubelets.ts'
import { createSimulatedRuntime } from '../../node/runtime/simulated/simulated-runtime.ts'
import { nodeConfigs } from './agent-role.ts'
import { clientOf } from './identities.ts'
import { layoutOf } from './layout.ts'
import type { RoleContext } from './role.ts'

/** Nodes whose Pods only change state: no rights, no Linux, no network. They live in the server's own process. */
export async function startSimulatedAgent({ profile, paths, clock, log, signal }: RoleContext): Promise<void> {
  const client = clientOf(paths, 'agent')
  const images = await createImageStore({ directory: paths.images, log, nodeExecutable: process.execPath })
  await startKubelets({
    nodes: nodeConfigs(profile, paths.directory), clientFor: (node) => clientOf(paths, `node-${node}`), sharedClient: client,
    runtime: createSimulatedRuntime({ clock, log }), images, directory: paths.kubelet, socketPath: paths.agentSocket,
    clusterDNS: layoutOf(profile).dnsIP, clusterDomain: 'cluster.local', clock, log, signal,
  })
}
