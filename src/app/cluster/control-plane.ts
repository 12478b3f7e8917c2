import type { Client } from '../../base/client/client.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { MetricRegistry } from '../../base/lib/metrics.ts'
import { addProcessMetrics } from '../../base/lib/process-metrics.ts'
import { createWorkQueueMetrics } from '../../base/lib/work-queue-metrics.ts'
import { createApiServer, type ApiServer, type ApiServerOptions } from '../../control/apiserver/api-server.ts'
import { bootstrap } from '../../control/apiserver/bootstrap.ts'
import type { NodeEndpoint } from '../../control/apiserver/context.ts'
import type { HealthCheck } from '../../control/apiserver/health.ts'
import { createSharedInformers, serviceAccountUser, sharedIdentity, startControllers } from '../../control/controllers/index.ts'
import { startScheduler } from '../../control/scheduler/scheduler.ts'
import type { Store } from '../../control/store/store.ts'
import { startProvisioner } from '../../node/storage/provisioner.ts'
import { startSnapshotController } from '../../node/storage/snapshot-controller.ts'
import { type StandStill, startSnapshotter } from '../../node/storage/snapshotter.ts'
import { noVolumeFolders, type VolumeFolders } from '../../node/storage/volume-folders.ts'
import type { Pki } from './pki.ts'
import type { Ranges } from './profile.ts'

export interface ControlPlaneOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /** Ends what `run` started. */
  readonly signal: AbortSignal
  readonly ranges: Pick<Ranges, 'podCIDR' | 'serviceCIDR' | 'loadBalancerCIDR'>
  readonly pki: Pick<Pki, 'serverCA' | 'clientCA' | 'serviceAccountKey'>
  /** Where the Service default/kubernetes ends. */
  readonly endpoint: { readonly address: string; readonly port: number }
  readonly serverUrl: string
  /** Where a node's kubelet endpoint is, for logs and exec. */
  readonly nodeDialer: (node: string) => NodeEndpoint | undefined
  /** Where the volumes of StorageClasses of our own are made; default: they are made in name only. */
  readonly volumes?: VolumeFolders
  /** Lets Pods stand still while their volumes are copied; default: they go on. */
  readonly standStill?: StandStill
  /** Around every client that the parts of the control plane are given. */
  readonly wrapClient?: (client: Client) => Client
  /** How the scheduler chooses among equally good nodes. */
  readonly random?: () => number
  /** What else the API server is told. */
  readonly apiServer?: Pick<Partial<ApiServerOptions>, 'authenticators' | 'freezeObjects'>
}

export interface ControlPlane {
  readonly server: ApiServer
  /** Of `system:masters`. */
  readonly admin: Client
  /** The API as a component sees it, within this process. Groups follow from the name. */
  clientFor(identity: string): Client
  /** Runs controllers, scheduler and upkeep of the store until the signal aborts; resolves when all have ended. */
  run(): Promise<void>
}

const groupsOf = (identity: string): string[] => {
  if (identity.startsWith('system:serviceaccount:')) return ['system:serviceaccounts', `system:serviceaccounts:${identity.split(':')[2]}`]
  return identity.startsWith('system:node:') ? ['system:nodes'] : []
}

/** The API with what every cluster holds from its first second, and the parts that act on it. */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, clock, log, signal, ranges, pki, wrapClient = (client) => client } = options
  const metrics = new MetricRegistry()
  addProcessMetrics(metrics, clock)
  const ready = { bootstrapped: false, informers: () => false, scheduler: false }
  const server = createApiServer({
    metrics,
    healthChecks: readinessChecks(ready, signal),
    store,
    clock,
    log,
    serviceCIDR: ranges.serviceCIDR,
    serviceAccounts: { issuer: 'https://kubernetes.default.svc.cluster.local', keys: { privateKeyPem: pki.serviceAccountKey } },
    nodeDialer: options.nodeDialer,
    ...options.apiServer,
  })
  const as = (name: string, groups: readonly string[]) => wrapClient(server.loopbackClient({ name, groups: [...groups, 'system:authenticated'] }))
  const clientFor = (identity: string) => as(identity, groupsOf(identity))
  const admin = as('system:knarr:server', ['system:masters'])
  await bootstrap({
    client: admin,
    serviceCIDR: ranges.serviceCIDR,
    endpoint: options.endpoint,
    servingCa: pki.serverCA,
    clientCa: pki.clientCA,
    serverUrl: options.serverUrl,
  })
  ready.bootstrapped = true
  return {
    server,
    admin,
    clientFor,
    async run() {
      const informers = createSharedInformers(clientFor(sharedIdentity), { clock, log, signal })
      ready.informers = informers.isSynced
      const random = options.random ? { random: options.random } : {}
      const { synced } = startScheduler({ client: clientFor('system:kube-scheduler'), clock, log, signal, metrics, ...random })
      void synced.then(() => (ready.scheduler = true))
      const ended = startControllers({
        informers,
        observeQueue: createWorkQueueMetrics(metrics, clock),
        clientFor,
        clock,
        log,
        signal,
        rootCA: pki.serverCA,
        clusterCIDR: ranges.podCIDR,
        loadBalancerRange: ranges.loadBalancerCIDR,
      })
      const storage = { folders: options.volumes ?? noVolumeFolders, standStill: options.standStill ?? ((_, act) => act()), clock, log, signal }
      const provisioner = startProvisioner({ ...storage, client: clientFor(serviceAccountUser('volume-provisioner')) })
      const snapshotter = startSnapshotter({ ...storage, client: clientFor(serviceAccountUser('volume-snapshotter')) })
      const snapshots = startSnapshotController({ client: clientFor(serviceAccountUser('snapshot-controller')), clock, log, signal })
      await Promise.all([ended, provisioner, snapshotter, snapshots, server.maintain(signal)])
    },
  }
}

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
