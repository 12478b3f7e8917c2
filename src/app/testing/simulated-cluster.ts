import { setMaxListeners } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { nodes, pods } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { silentLog } from '../../base/lib/log.ts'
import type { Authenticator } from '../../control/apiserver/auth/authenticator.ts'
import { MemoryStore } from '../../control/store/memory-store.ts'
import { serveKubelet } from '../../node/kubelet/server/serve-kubelet.ts'
import { createControlPlane } from '../cluster/control-plane.ts'
import { contextText } from '../cluster/kubeconfig.ts'
import { isNodeReady } from '../cluster/lifecycle.ts'
import { ensurePki } from '../cluster/pki.ts'
import { nthAddress } from '../cluster/profile-nodes.ts'
import { startSimulatedNodes } from '../cluster/simulated-nodes.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'
import { createHandle, makeTemporaryDirectory } from './handle.ts'
import { nodeConfigsOf } from './nodes.ts'
import { Activity, counted, createSettling } from './settling.ts'
import { createSimulation, Partitions } from './simulation.ts'
import { timeOf, type Time } from './time.ts'

/** Room for 16,384 nodes of 254 Pods each; nothing is routed there. */
const ranges = { podCIDR: '10.64.0.0/10', serviceCIDR: '10.40.0.0/16', loadBalancerCIDR: '10.41.0.0/16', nodeCIDR: '172.16.0.0/12' }
const patienceMs = 30_000

/** A cluster in this process and in memory. */
export async function createSimulatedCluster(options: ClusterOptions): Promise<Cluster> {
  const directory = makeTemporaryDirectory()
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  try {
    return await start(options, { directory, stop })
  } catch (error) {
    stop.abort()
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    throw error
  }
}

async function start(options: ClusterOptions, { directory, stop }: { directory: string; stop: AbortController }): Promise<Cluster> {
  const { signal } = stop
  const activity = new Activity()
  const store = new MemoryStore()
  const settling = createSettling({ activity, revision: () => store.revision })
  const time = timeOf(options, settling)
  const { clock, settle } = time
  const configs = nodeConfigsOf(options.nodes ?? 3, ranges.nodeCIDR)
  const pki = await ensurePki({
    directory: join(directory, 'pki'),
    clients: [{ file: 'admin', user: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:masters'] }],
    dnsNames: ['localhost', 'kubernetes.default.svc'],
    ipAddresses: ['127.0.0.1', nthAddress(ranges.serviceCIDR, 1)],
    nowMs: Date.now(),
  })
  const wrapClient = (client: Client) => counted(client, activity)
  const kubeletSocket = join(directory, 'kubelet.sock')
  const controlPlane = await createControlPlane({
    store,
    clock,
    log: silentLog,
    signal,
    ranges,
    pki,
    endpoint: { address: configs[0]?.internalIP ?? '192.0.2.1', port: 6443 },
    serverUrl: 'https://kubernetes.default.svc',
    nodeDialer: () => ({ socketPath: kubeletSocket }),
    wrapClient,
    random: sequence(),
    apiServer: { freezeObjects: true, authenticators: [teller(activity)] },
  })
  const { server, clientFor } = controlPlane
  const client = wrapClient(server.loopbackClient({ name: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:masters', 'system:authenticated'] }))
  const running = controlPlane.run()
  const partitions = new Partitions()
  const starting = startSimulatedNodes({
    nodes: { running: configs, stopped: [] },
    sharedClient: clientFor('system:knarr:agent'),
    clientFor: (node) => partitions.guard(node, clientFor(`system:node:${node}`)),
    directory: join(directory, 'kubelet'),
    clusterDNS: nthAddress(ranges.serviceCIDR, 10),
    clock,
    log: silentLog,
    signal,
  })
  const areReady = async () => (await client.list(nodes)).items.filter((node) => isNodeReady(node) && node.spec.podCIDR).length === configs.length
  await until(areReady, time)
  const { kubelets, runtime } = await starting
  let served: Promise<string> | undefined
  const serve = async () => {
    await serveKubelet({ socketPath: kubeletSocket, kubelets, clock, log: silentLog, signal })
    const tls = { cert: pki.server.cert, key: pki.server.key, ca: pki.clientCA }
    const { port } = await server.listen({ tls, host: '127.0.0.1', port: 0, signal })
    time.public.flow()
    return contextText({ name: 'knarr-test', server: `https://127.0.0.1:${port}`, ca: pki.serverCA, client: pki.client('admin') })
  }
  return createHandle({
    client,
    kinds: () => server.registry.all().map(({ kind }) => kind),
    clock: time.public,
    monotonic: () => clock.monotonic(),
    simulate: createSimulation({
      runtime,
      partitions,
      nodes: configs.map(({ name }) => name),
      findPod: (name, namespace) => client.get(pods, { namespace, name }),
      settle,
    }),
    settle,
    pass: time.pass,
    kubeconfig: () => (served ??= serve()),
    directory: () => directory,
    async close() {
      stop.abort()
      time.stop()
      await Promise.all([running, kubelets.close()])
      await store.close()
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    },
  })
}

/** Numbers from 0 to 1 that look random and are the same in every run (a linear congruential generator, as in Numerical Recipes). */
function sequence(): () => number {
  let state = 1
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
}

/** Sees every request that comes by the network, and has no opinion on who asks. */
const teller = (activity: Activity): Authenticator => ({
  authenticate: async () => {
    activity.tell('a request by the network')
    return undefined
  },
})

async function until(condition: () => Promise<boolean>, { clock, settle, pass }: Time): Promise<void> {
  const untilMs = clock.monotonic() + patienceMs
  for (await settle(); !(await condition());)
    if (!(await pass(untilMs)) || clock.monotonic() >= untilMs) throw new Error('the nodes of the simulated cluster did not become ready')
}
