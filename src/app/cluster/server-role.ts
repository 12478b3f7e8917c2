import { rmSync } from 'node:fs'
import { ingresses } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { createInformer } from '../../base/client/informer.ts'
import { MetricRegistry } from '../../base/lib/metrics.ts'
import { addProcessMetrics } from '../../base/lib/process-metrics.ts'
import { createWorkQueueMetrics } from '../../base/lib/work-queue-metrics.ts'
import { createApiServer } from '../../control/apiserver/api-server.ts'
import type { HealthCheck } from '../../control/apiserver/health.ts'
import { bootstrap } from '../../control/apiserver/bootstrap.ts'
import { createSharedInformers, sharedIdentity, startControllers } from '../../control/controllers/index.ts'
import { startScheduler } from '../../control/scheduler/scheduler.ts'
import { openLmdbStore } from '../../control/store/lmdb-store.ts'
import { ensureIngressObjects } from '../../platform/gateway/ingress-objects.ts'
import { runGatewayChild } from './gateway-child.ts'
import { serveHostDns } from './host-dns.ts'
import { layoutOf } from './layout.ts'
import { contextName } from './names.ts'
import { readPki } from './pki.ts'
import { readProfile } from './profile.ts'
import { runningNodes } from './profile-nodes.ts'
import { aborted, type RoleContext } from './role.ts'

const componentUser = (name: string, groups: readonly string[] = []) => ({ name, groups: [...groups, 'system:authenticated'] })
const serviceAccountGroups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system']

/** The server process: API, store, controllers, scheduler; and the platform process once an Ingress exists. */
export async function runServer(context: RoleContext): Promise<void> {
  const { profile, paths, clock, log, signal } = context
  const layout = layoutOf(profile)
  const pki = readPki(paths.pki)
  const store = openLmdbStore({ path: paths.store })
  const hasNetwork = profile.runtime === 'process'
  const metrics = new MetricRegistry()
  addProcessMetrics(metrics, clock)
  const ready = { bootstrapped: false, informers: () => false, scheduler: false }
  const server = createApiServer({
    metrics,
    healthChecks: readinessChecks(ready, signal),
    store,
    clock,
    log,
    serviceCIDR: profile.ranges.serviceCIDR,
    serviceAccounts: { issuer: 'https://kubernetes.default.svc.cluster.local', keys: { privateKeyPem: pki.serviceAccountKey } },
    nodeDialer: (name) => (isSwitchedOn(context, name) ? { socketPath: paths.agentSocket } : undefined),
  })
  const admin = server.loopbackClient(componentUser('system:knarr:server', ['system:masters']))
  await bootstrap({
    client: admin,
    serviceCIDR: profile.ranges.serviceCIDR,
    endpoint: hasNetwork ? { address: layout.controlPlane.address, port: layout.agentApiPort } : { address: '127.0.0.1', port: profile.apiPort },
    servingCa: pki.serverCA,
    clientCa: pki.clientCA,
    serverUrl: `https://127.0.0.1:${profile.apiPort}`,
  })
  ready.bootstrapped = true
  if (hasNetwork) await ensureIngressObjects(admin, { address: layout.gatewayIP, httpPort: 80, httpsPort: 443 })
  const tls = { cert: pki.server.cert, key: pki.server.key, ca: pki.clientCA }
  rmSync(paths.serverSocket, { force: true })
  await server.listen({ tls, socketPath: paths.serverSocket, signal })
  await server.listen({ tls, host: '127.0.0.1', port: profile.apiPort, signal })
  log.info({ port: profile.apiPort }, `the API of ${contextName(profile)} answers`)

  const maintenance = server.maintain(signal)
  const clientFor = (identity: string) =>
    server.loopbackClient(componentUser(identity, identity.startsWith('system:serviceaccount:') ? serviceAccountGroups : []))
  const informers = createSharedInformers(clientFor(sharedIdentity), { clock, log, signal })
  ready.informers = informers.isSynced
  const controllers = startControllers({
    informers,
    observeQueue: createWorkQueueMetrics(metrics, clock),
    clientFor,
    clock,
    log,
    signal,
    rootCA: pki.serverCA,
    clusterCIDR: profile.ranges.podCIDR,
    loadBalancerRange: profile.ranges.loadBalancerCIDR,
  })
  void startScheduler({ client: clientFor('system:kube-scheduler'), clock, log, signal, metrics }).synced.then(() => (ready.scheduler = true))
  if (hasNetwork) await serveHostDns({ socketPath: paths.dnsSocket, signal })
  else await startSimulatedNodes(context)
  if (hasNetwork) void startPlatformWhenNeeded(context, admin)
  await aborted(signal)
  await controllers
  await maintenance
  await store.close()
}

/** Read anew each time: a node can be stopped while the server runs. */
const isSwitchedOn = ({ home, profile }: RoleContext, node: string): boolean =>
  runningNodes(readProfile(home, profile.name) ?? profile).some(({ name }) => name === node)

interface Readiness {
  readonly bootstrapped: boolean
  readonly informers: () => boolean
  readonly scheduler: boolean
}

/** What `/readyz` waits for, beyond the server's own checks: the objects of the first second, controllers that see, no end in sight. */
const readinessChecks = (ready: Readiness, signal: AbortSignal): HealthCheck[] => [
  { name: 'informer-sync', readyOnly: true, check: () => ready.informers() && ready.scheduler },
  { name: 'poststarthook/bootstrap-objects', readyOnly: true, check: () => ready.bootstrapped },
  { name: 'shutdown', readyOnly: true, check: () => !signal.aborted },
]

async function startSimulatedNodes(context: RoleContext): Promise<void> {
  const { startSimulatedAgent } = await import('./simulated-agent.ts')
  await startSimulatedAgent(context)
}

/** The platform process (the L7 gateway) starts with the first object that needs it: an idle cluster pays for two open ports. */
async function startPlatformWhenNeeded(context: RoleContext, client: Client): Promise<void> {
  const { profile, clock, log, signal } = context
  const untilFirst = new AbortController()
  const informer = createInformer(client, ingresses, { signal: AbortSignal.any([signal, untilFirst.signal]), clock, log })
  const needed = new Promise<void>((resolve) => informer.onChange(({ object }) => object && resolve())).then(() => untilFirst.abort())
  const command = [
    'nsenter',
    `--net=/run/netns/${contextName(profile)}`,
    process.execPath,
    context.mainFile,
    'internal',
    'platform',
    context.home,
    profile.name,
  ]
  await runGatewayChild({ command, httpPort: profile.httpPort, httpsPort: profile.httpsPort, needed, clock, log, signal })
}
