import { serveKubelet } from '../../node/kubelet/server/serve-kubelet.ts'
import { clientOf } from './identities.ts'
import { layoutOf } from './layout.ts'
import { localNodes } from './local-nodes.ts'
import { clusterParts } from './parts.ts'
import { version } from '../version.ts'
import type { RoleContext } from './role.ts'
import { startSimulatedNodes } from './simulated-nodes.ts'

/** The simulated nodes of a profile. They live in the server's own process. */
export async function startSimulatedAgent(context: RoleContext): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  const local = localNodes(context)
  const { kubelets } = await startSimulatedNodes({
    nodes: local.wanted(),
    clientFor: (node) => clientOf(paths, `node-${node}`),
    sharedClient: clientOf(paths, 'agent'),
    directory: paths.kubelet,
    parts: clusterParts({ profile, paths, version }),
    clusterDNS: layoutOf(profile).dnsIP,
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
