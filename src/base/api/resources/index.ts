// Every kind that is served, with all that is known of it. The order is that of discovery.
import type { Resource } from '../resource.ts'
import { controllerRevision, daemonSet } from './apps/daemon-set.ts'
import { deployment } from './apps/deployment.ts'
import { replicaSet, replicationController } from './apps/replica-set.ts'
import { statefulSet } from './apps/stateful-set.ts'
import { horizontalPodAutoscaler, horizontalPodAutoscalerV1 } from './autoscaling/horizontal-pod-autoscaler.ts'
import { cronJob } from './batch/cron-job.ts'
import { job } from './batch/job.ts'
import { configMap, secret, serviceAccount } from './core/configuration.ts'
import { endpoints, endpointSlice } from './core/endpoints.ts'
import { event } from './core/event.ts'
import { eventV1 } from './events.ts'
import { limitRange, podTemplate, resourceQuota } from './core/limits.ts'
import { namespace } from './core/namespace.ts'
import { node } from './core/node.ts'
import { pod } from './core/pod.ts'
import { service } from './core/service.ts'
import { persistentVolume, persistentVolumeClaim, storageClass } from './core/storage.ts'
import { ingress, ingressClass } from './networking/ingress.ts'
import { ipAddress, networkPolicy, serviceCIDR } from './networking/network.ts'
import { lease, podDisruptionBudget, priorityClass } from './policy.ts'
import { clusterRole, clusterRoleBinding, role, roleBinding } from './rbac.ts'
import { volumeSnapshot, volumeSnapshotClass, volumeSnapshotContent } from './volume-snapshot.ts'

export const resources: readonly Resource[] = [
  namespace,
  node,
  pod,
  service,
  endpoints,
  configMap,
  secret,
  serviceAccount,
  event,
  replicationController,
  persistentVolume,
  persistentVolumeClaim,
  limitRange,
  resourceQuota,
  podTemplate,
  deployment,
  replicaSet,
  statefulSet,
  daemonSet,
  controllerRevision,
  job,
  horizontalPodAutoscaler,
  horizontalPodAutoscalerV1,
  cronJob,
  endpointSlice,
  eventV1,
  ingress,
  ingressClass,
  networkPolicy,
  serviceCIDR,
  ipAddress,
  lease,
  priorityClass,
  storageClass,
  volumeSnapshotClass,
  volumeSnapshot,
  volumeSnapshotContent,
  podDisruptionBudget,
  role,
  roleBinding,
  clusterRole,
  clusterRoleBinding,
] satisfies readonly object[] as unknown as readonly Resource[]
