import { kinds as builtInKinds } from '../../base/api/kinds.ts'
import type { Kind } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder } from '../../base/client/events.ts'
import { createInformer } from '../../base/client/informer.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { WorkQueueObserver } from '../../base/lib/work-queue-metrics.ts'
import type { Controller, ControllerSettings, SharedInformers } from './controller.ts'
import { clusterRoleAggregation } from './clusterrole-aggregation/clusterrole-aggregation.ts'
import { cronJobController } from './cronjob/cronjob.ts'
import { daemonSetController } from './daemonset/daemonset.ts'
import { deploymentController } from './deployment/deployment.ts'
import { disruptionController } from './disruption/disruption.ts'
import { endpointsController } from './endpoints/endpoints.ts'
import { endpointSliceController } from './endpointslice/endpointslice.ts'
import { garbageCollector } from './garbage-collector/garbage-collector.ts'
import { endpointSliceMirroringController } from './endpointslice-mirroring/endpointslice-mirroring.ts'
import { ephemeralVolumeController } from './ephemeral-volume/ephemeral-volume.ts'
import { jobController } from './job/job.ts'
import { loadBalancerController } from './load-balancer/load-balancer.ts'
import { namespaceController } from './namespace/namespace.ts'
import { nodeIpamController } from './node-ipam/node-ipam.ts'
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle.ts'
import { podGarbageCollector } from './pod-gc/pod-gc.ts'
import { replicaSetController } from './replicaset/replicaset.ts'
import { replicationController } from './replicaset/replication-controller.ts'
import { rootCaController } from './root-ca/root-ca.ts'
import { serviceAccountController } from './serviceaccount/serviceaccount.ts'
import { statefulSetController } from './statefulset/statefulset.ts'
import { ttlAfterFinishedController } from './ttl-after-finished/ttl-after-finished.ts'
import { claimProtectionController, volumeProtectionController } from './storage-protection/storage-protection.ts'
import { taintEvictionController } from './taint-eviction/taint-eviction.ts'
import { volumeBinder } from './volume-binder/volume-binder.ts'

/** Every controller there is. */
export const controllers: readonly Controller[] = [
  namespaceController,
  serviceAccountController,
  rootCaController,
  clusterRoleAggregation,
  nodeIpamController,
  deploymentController,
  replicaSetController,
  replicationController,
  statefulSetController,
  daemonSetController,
  jobController,
  cronJobController,
  ttlAfterFinishedController,
  disruptionController,
  endpointSliceController,
  endpointSliceMirroringController,
  endpointsController,
  loadBalancerController,
  nodeLifecycleController,
  taintEvictionController,
  volumeBinder,
  ephemeralVolumeController,
  claimProtectionController,
  volumeProtectionController,
  podGarbageCollector,
  garbageCollector,
]

export interface StartControllersOptions extends Partial<ControllerSettings> {
  /** A client with this user name; a ServiceAccount's comes with its groups. */
  readonly clientFor: (identity: string) => Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly rootCA: string
  readonly clusterCIDR: string
  readonly loadBalancerRange: string
  /** Default: all. */
  readonly controllers?: readonly Controller[]
  /** Default: informers of their own. */
  readonly informers?: SharedInformers
  readonly observeQueue?: (name: string) => WorkQueueObserver
}

/** The identity of the informers that all controllers share. */
export const sharedIdentity = 'system:kube-controller-manager'

export const serviceAccountUser = (name: string): string => `system:serviceaccount:kube-system:${name}`

/** Runs the controllers on shared informers until `signal` aborts; resolves when all have ended. */
export const startControllers = async (options: StartControllersOptions): Promise<void> => {
  const { clientFor, clock, log, signal, observeQueue } = options
  const settings = settled(options)
  const informers = options.informers ?? createSharedInformers(clientFor(sharedIdentity), { clock, log, signal })
  const start = (controller: Controller) => {
    const client = clientFor(serviceAccountUser(controller.serviceAccount ?? controller.name))
    const recorder = createEventRecorder({ client, clock, log, component: controller.name })
    return controller.start({ client, informers, recorder, settings, observeQueue, clock, log, signal })
  }
  await Promise.all((options.controllers ?? controllers).map(start))
}

const settled = ({ rootCA, clusterCIDR, loadBalancerRange, ...rest }: StartControllersOptions): ControllerSettings =>
  Object.freeze({
    rootCA,
    clusterCIDR,
    loadBalancerRange,
    nodeMonitorGraceMs: rest.nodeMonitorGraceMs ?? 40_000,
    nodeMonitorPeriodMs: rest.nodeMonitorPeriodMs ?? 5_000,
    terminatedPodThreshold: rest.terminatedPodThreshold ?? 12_500,
    kinds: rest.kinds ?? builtInKinds,
  })

export const createSharedInformers = (client: Client, shared: { clock: Clock; log: Log; signal: AbortSignal }): SharedInformers => {
  const informers = new Map<Kind, unknown>()
  let unsynced = 0
  const start = <T extends KubeObject>(kind: Kind<T>): Informer<T> => {
    const informer = createInformer(client, kind, shared)
    unsynced++
    void informer.synced.then(() => unsynced--)
    return informer
  }
  return {
    of<T extends KubeObject>(kind: Kind<T>): Informer<T> {
      const informer = (informers.get(kind) as Informer<T> | undefined) ?? start(kind)
      informers.set(kind, informer)
      return informer
    },
    isSynced: () => informers.size > 0 && unsynced === 0,
  }
}
