// The kinds of Kubernetes 1.36 that Knarr serves, as clients address them.
import type * as api from './generated/types.ts'
import type { Kind } from './kind.ts'
import type { KubeObject } from './object.ts'

type Row = Pick<Kind, 'group' | 'kind' | 'plural' | 'namespaced' | 'type'> & Partial<Pick<Kind, 'version' | 'shortNames' | 'categories'>>

const define = <T extends KubeObject>(row: Row): Kind<T> =>
  Object.freeze({ version: 'v1', singular: row.kind.toLowerCase(), shortNames: [], categories: [], ...row })

export const namespaces = define<api.Namespace>({
  group: '',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
  type: 'core/v1.Namespace',
  shortNames: ['ns'],
})
export const nodes = define<api.Node>({ group: '', kind: 'Node', plural: 'nodes', namespaced: false, type: 'core/v1.Node', shortNames: ['no'] })
export const pods = define<api.Pod>({ group: '', kind: 'Pod', plural: 'pods', namespaced: true, type: 'core/v1.Pod', shortNames: ['po'], categories: ['all'] })
export const services = define<api.Service>({
  group: '',
  kind: 'Service',
  plural: 'services',
  namespaced: true,
  type: 'core/v1.Service',
  shortNames: ['svc'],
  categories: ['all'],
})
export const endpoints = define<api.Endpoints>({
  group: '',
  kind: 'Endpoints',
  plural: 'endpoints',
  namespaced: true,
  type: 'core/v1.Endpoints',
  shortNames: ['ep'],
})
export const configMaps = define<api.ConfigMap>({
  group: '',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  type: 'core/v1.ConfigMap',
  shortNames: ['cm'],
})
export const secrets = define<api.Secret>({ group: '', kind: 'Secret', plural: 'secrets', namespaced: true, type: 'core/v1.Secret' })
export const serviceAccounts = define<api.ServiceAccount>({
  group: '',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
  type: 'core/v1.ServiceAccount',
  shortNames: ['sa'],
})
export const events = define<api.Event>({ group: '', kind: 'Event', plural: 'events', namespaced: true, type: 'core/v1.Event', shortNames: ['ev'] })
/** The Events above in the words of their newer group: one storage. */
export const eventsV1 = define<api.EventsEvent>({
  group: 'events.k8s.io',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  type: 'events/v1.Event',
  shortNames: ['ev'],
})
export const replicationControllers = define<api.ReplicationController>({
  group: '',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  namespaced: true,
  type: 'core/v1.ReplicationController',
  shortNames: ['rc'],
  categories: ['all'],
})
export const persistentVolumes = define<api.PersistentVolume>({
  group: '',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  namespaced: false,
  type: 'core/v1.PersistentVolume',
  shortNames: ['pv'],
})
export const persistentVolumeClaims = define<api.PersistentVolumeClaim>({
  group: '',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  namespaced: true,
  type: 'core/v1.PersistentVolumeClaim',
  shortNames: ['pvc'],
})
export const limitRanges = define<api.LimitRange>({
  group: '',
  kind: 'LimitRange',
  plural: 'limitranges',
  namespaced: true,
  type: 'core/v1.LimitRange',
  shortNames: ['limits'],
})
export const resourceQuotas = define<api.ResourceQuota>({
  group: '',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
  type: 'core/v1.ResourceQuota',
  shortNames: ['quota'],
})
export const podTemplates = define<api.PodTemplate>({ group: '', kind: 'PodTemplate', plural: 'podtemplates', namespaced: true, type: 'core/v1.PodTemplate' })
export const deployments = define<api.Deployment>({
  group: 'apps',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
  type: 'apps/v1.Deployment',
  shortNames: ['deploy'],
  categories: ['all'],
})
export const replicaSets = define<api.ReplicaSet>({
  group: 'apps',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  namespaced: true,
  type: 'apps/v1.ReplicaSet',
  shortNames: ['rs'],
  categories: ['all'],
})
export const statefulSets = define<api.StatefulSet>({
  group: 'apps',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  namespaced: true,
  type: 'apps/v1.StatefulSet',
  shortNames: ['sts'],
  categories: ['all'],
})
export const daemonSets = define<api.DaemonSet>({
  group: 'apps',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  namespaced: true,
  type: 'apps/v1.DaemonSet',
  shortNames: ['ds'],
  categories: ['all'],
})
export const controllerRevisions = define<api.ControllerRevision>({
  group: 'apps',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  type: 'apps/v1.ControllerRevision',
})
export const jobs = define<api.Job>({ group: 'batch', kind: 'Job', plural: 'jobs', namespaced: true, type: 'batch/v1.Job', categories: ['all'] })
export const cronJobs = define<api.CronJob>({
  group: 'batch',
  kind: 'CronJob',
  plural: 'cronjobs',
  namespaced: true,
  type: 'batch/v1.CronJob',
  shortNames: ['cj'],
  categories: ['all'],
})
export const horizontalPodAutoscalers = define<api.HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  namespaced: true,
  type: 'autoscaling/v2.HorizontalPodAutoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
})
/** The same objects in the words of the older version: one storage. */
export const horizontalPodAutoscalersV1 = define<api.V1HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  namespaced: true,
  type: 'autoscaling/v1.HorizontalPodAutoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
})
export const endpointSlices = define<api.EndpointSlice>({
  group: 'discovery.k8s.io',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  type: 'discovery/v1.EndpointSlice',
})
export const ingresses = define<api.Ingress>({
  group: 'networking.k8s.io',
  kind: 'Ingress',
  plural: 'ingresses',
  namespaced: true,
  type: 'networking/v1.Ingress',
  shortNames: ['ing'],
})
export const ingressClasses = define<api.IngressClass>({
  group: 'networking.k8s.io',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  type: 'networking/v1.IngressClass',
})
export const networkPolicies = define<api.NetworkPolicy>({
  group: 'networking.k8s.io',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  namespaced: true,
  type: 'networking/v1.NetworkPolicy',
  shortNames: ['netpol'],
})
export const serviceCIDRs = define<api.ServiceCIDR>({
  group: 'networking.k8s.io',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  type: 'networking/v1.ServiceCIDR',
})
export const ipAddresses = define<api.IPAddress>({
  group: 'networking.k8s.io',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  namespaced: false,
  type: 'networking/v1.IPAddress',
  shortNames: ['ip'],
})
export const leases = define<api.Lease>({ group: 'coordination.k8s.io', kind: 'Lease', plural: 'leases', namespaced: true, type: 'coordination/v1.Lease' })
export const priorityClasses = define<api.PriorityClass>({
  group: 'scheduling.k8s.io',
  kind: 'PriorityClass',
  plural: 'priorityclasses',
  namespaced: false,
  type: 'scheduling/v1.PriorityClass',
  shortNames: ['pc'],
})
export const storageClasses = define<api.StorageClass>({
  group: 'storage.k8s.io',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
  type: 'storage/v1.StorageClass',
  shortNames: ['sc'],
})
export const podDisruptionBudgets = define<api.PodDisruptionBudget>({
  group: 'policy',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  namespaced: true,
  type: 'policy/v1.PodDisruptionBudget',
  shortNames: ['pdb'],
})
export const roles = define<api.Role>({ group: 'rbac.authorization.k8s.io', kind: 'Role', plural: 'roles', namespaced: true, type: 'rbac/v1.Role' })
export const roleBindings = define<api.RoleBinding>({
  group: 'rbac.authorization.k8s.io',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  type: 'rbac/v1.RoleBinding',
})
export const clusterRoles = define<api.ClusterRole>({
  group: 'rbac.authorization.k8s.io',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  type: 'rbac/v1.ClusterRole',
})
export const clusterRoleBindings = define<api.ClusterRoleBinding>({
  group: 'rbac.authorization.k8s.io',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  type: 'rbac/v1.ClusterRoleBinding',
})

/** Upstream these three are CustomResourceDefinitions that every cluster with a snapshot controller has. */
export const volumeSnapshotClasses = define<api.VolumeSnapshotClass>({
  group: 'snapshot.storage.k8s.io',
  kind: 'VolumeSnapshotClass',
  plural: 'volumesnapshotclasses',
  namespaced: false,
  type: 'snapshot/v1.VolumeSnapshotClass',
  shortNames: ['vsclass', 'vsclasses'],
})
export const volumeSnapshots = define<api.VolumeSnapshot>({
  group: 'snapshot.storage.k8s.io',
  kind: 'VolumeSnapshot',
  plural: 'volumesnapshots',
  namespaced: true,
  type: 'snapshot/v1.VolumeSnapshot',
  shortNames: ['vs'],
})
export const volumeSnapshotContents = define<api.VolumeSnapshotContent>({
  group: 'snapshot.storage.k8s.io',
  kind: 'VolumeSnapshotContent',
  plural: 'volumesnapshotcontents',
  namespaced: false,
  type: 'snapshot/v1.VolumeSnapshotContent',
  shortNames: ['vsc', 'vscs'],
})

/** Every kind above that has a storage of its own, in the order of discovery. */
export const kinds: readonly Kind[] = [
  namespaces,
  nodes,
  pods,
  services,
  endpoints,
  configMaps,
  secrets,
  serviceAccounts,
  events,
  replicationControllers,
  persistentVolumes,
  persistentVolumeClaims,
  limitRanges,
  resourceQuotas,
  podTemplates,
  deployments,
  replicaSets,
  statefulSets,
  daemonSets,
  controllerRevisions,
  jobs,
  horizontalPodAutoscalers,
  cronJobs,
  endpointSlices,
  ingresses,
  ingressClasses,
  networkPolicies,
  serviceCIDRs,
  ipAddresses,
  leases,
  priorityClasses,
  storageClasses,
  volumeSnapshotClasses,
  volumeSnapshots,
  volumeSnapshotContents,
  podDisruptionBudgets,
  roles,
  roleBindings,
  clusterRoles,
  clusterRoleBindings,
]
