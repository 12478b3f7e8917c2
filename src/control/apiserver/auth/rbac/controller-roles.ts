// What each controller may do: upstream's role of the same account, and a second one for what ours does in another way.
import type { PolicyRule } from '../../../../base/api/generated/types.ts'
import type { PartRole } from './component-roles.ts'
import { on, reading, recordingEvents } from './policy-rules.ts'

const podMaking = on('core', 'pods', 'create delete list patch watch')
const revisions = on('apps', 'controllerrevisions', 'create delete get list patch update watch')

const upstream: Readonly<Record<string, readonly PolicyRule[]>> = {
  'attachdetach-controller': [
    on('core', 'persistentvolumeclaims persistentvolumes', 'list watch'),
    on('core', 'nodes', reading),
    on('core', 'nodes/status', 'patch update'),
    on('core', 'pods', 'list watch'),
    recordingEvents,
    on('storage.k8s.io', 'volumeattachments', 'create delete get list watch'),
    on('storage.k8s.io', 'csidrivers csinodes', reading),
  ],
  'certificate-controller': [
    on('certificates.k8s.io', 'certificatesigningrequests', 'delete get list watch'),
    on('certificates.k8s.io', 'certificatesigningrequests/approval certificatesigningrequests/status', 'update'),
    { ...on('certificates.k8s.io', 'signers', 'approve'), resourceNames: ['kubernetes.io/kube-apiserver-client-kubelet'] },
    {
      ...on('certificates.k8s.io', 'signers', 'sign'),
      resourceNames: ['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map((one) => `kubernetes.io/${one}`),
    },
    on('authorization.k8s.io', 'subjectaccessreviews', 'create'),
    recordingEvents,
  ],
  'clusterrole-aggregation-controller': [on('rbac.authorization.k8s.io', 'clusterroles', 'escalate get list patch update watch')],
  'cronjob-controller': [
    on('batch', 'cronjobs', `${reading} update`),
    on('batch', 'jobs', 'create delete get list patch update watch'),
    on('batch', 'cronjobs/finalizers cronjobs/status', 'update'),
    on('core', 'pods', 'delete list watch'),
    recordingEvents,
  ],
  'daemon-set-controller': [
    on('apps extensions', 'daemonsets', reading),
    on('apps extensions', 'daemonsets/finalizers daemonsets/status', 'update'),
    on('core', 'nodes', 'list watch'),
    podMaking,
    on('core', 'pods/binding', 'create'),
    revisions,
    recordingEvents,
  ],
  'deployment-controller': [
    on('apps extensions', 'deployments', `${reading} update`),
    on('apps extensions', 'deployments/finalizers deployments/status', 'update'),
    on('apps extensions', 'replicasets', 'create delete get list patch update watch'),
    on('core', 'pods', `${reading} update`),
    recordingEvents,
  ],
  'disruption-controller': [
    on('apps extensions', 'deployments replicasets', reading),
    on('core', 'replicationcontrollers', reading),
    on('policy', 'poddisruptionbudgets', reading),
    on('apps', 'statefulsets', reading),
    on('policy', 'poddisruptionbudgets/status', 'update'),
    on('core', 'pods/status', 'patch update'),
    on('*', '*/scale', 'get'),
    recordingEvents,
  ],
  'endpoint-controller': [
    on('core', 'pods services', reading),
    on('core', 'endpoints', 'create delete get list update watch'),
    on('core', 'endpoints/restricted', 'create'),
    recordingEvents,
  ],
  'endpointslice-controller': [
    on('core', 'nodes pods services', reading),
    on('core', 'services/finalizers', 'update'),
    on('discovery.k8s.io', 'endpointslices', 'create delete get list update watch'),
    recordingEvents,
  ],
  'endpointslicemirroring-controller': [
    on('core', 'endpoints services', reading),
    on('core', 'endpoints/finalizers services/finalizers', 'update'),
    on('discovery.k8s.io', 'endpointslices', 'create delete get list update watch'),
    recordingEvents,
  ],
  'ephemeral-volume-controller': [
    on('core', 'pods', reading),
    on('core', 'pods/finalizers', 'update'),
    on('core', 'persistentvolumeclaims', 'create get list watch'),
    recordingEvents,
  ],
  'expand-controller': [
    on('core', 'persistentvolumes', `${reading} patch update`),
    on('core', 'persistentvolumeclaims/status', 'patch update'),
    on('core', 'persistentvolumeclaims', reading),
    recordingEvents,
  ],
  'generic-garbage-collector': [on('*', '*', 'delete get list patch update watch'), recordingEvents],
  'horizontal-pod-autoscaler': [
    on('autoscaling', 'horizontalpodautoscalers', reading),
    on('autoscaling', 'horizontalpodautoscalers/status', 'update'),
    on('*', '*/scale', 'get update'),
    on('core metrics.k8s.io', 'pods', 'list watch'),
    on('custom.metrics.k8s.io external.metrics.k8s.io', '*', reading),
    recordingEvents,
  ],
  'job-controller': [on('batch', 'jobs', `${reading} patch update`), on('batch', 'jobs/finalizers jobs/status', 'update'), podMaking, recordingEvents],
  'legacy-service-account-token-cleaner': [
    { ...on('core', 'configmaps', 'get'), resourceNames: ['kube-apiserver-legacy-service-account-token-tracking'] },
    on('core', 'secrets', 'delete patch'),
  ],
  'namespace-controller': [
    on('core', 'namespaces', 'delete get list watch'),
    on('core', 'namespaces/finalize namespaces/status', 'update'),
    on('*', '*', 'delete deletecollection get list watch'),
  ],
  'node-controller': [
    on('core', 'nodes', 'delete get list patch update watch'),
    on('core', 'nodes/status pods/status', 'patch update'),
    on('core', 'pods', 'delete get list watch'),
    recordingEvents,
  ],
  'persistent-volume-binder': [
    on('core', 'persistentvolumes', 'create delete get list update watch'),
    on('core', 'persistentvolumes/status persistentvolumeclaims/status', 'update'),
    on('core', 'persistentvolumeclaims', `${reading} update`),
    on('core', 'pods', 'create delete get list watch'),
    on('storage.k8s.io', 'storageclasses', reading),
    on('core', 'nodes', 'list watch'),
    recordingEvents,
    on('core', 'events', 'watch'),
  ],
  'pod-garbage-collector': [on('core', 'pods', 'delete list watch'), on('core', 'nodes', reading), on('core', 'pods/status', 'patch')],
  'pv-protection-controller': [on('core', 'persistentvolumes', `${reading} update`), recordingEvents],
  'pvc-protection-controller': [on('core', 'persistentvolumeclaims', `${reading} update`), on('core', 'pods', reading), recordingEvents],
  'replicaset-controller': [
    on('apps extensions', 'replicasets', `${reading} update`),
    on('apps extensions', 'replicasets/finalizers replicasets/status', 'update'),
    podMaking,
    recordingEvents,
  ],
  'replication-controller': [
    on('core', 'replicationcontrollers', `${reading} update`),
    on('core', 'replicationcontrollers/finalizers replicationcontrollers/status', 'update'),
    podMaking,
    recordingEvents,
  ],
  'resourcequota-controller': [on('*', '*', 'list watch'), on('core', 'resourcequotas/status', 'update'), recordingEvents],
  'root-ca-cert-publisher': [on('core', 'configmaps', 'create update'), recordingEvents],
  'route-controller': [on('core', 'nodes', 'list watch'), on('core', 'nodes/status', 'patch'), recordingEvents],
  'service-account-controller': [on('core', 'serviceaccounts', 'create'), recordingEvents],
  'service-cidrs-controller': [
    on('networking.k8s.io', 'servicecidrs', `${reading} patch update`),
    on('networking.k8s.io', 'servicecidrs/finalizers servicecidrs/status', 'patch update'),
    on('networking.k8s.io', 'ipaddresses', reading),
    recordingEvents,
  ],
  'service-controller': [on('core', 'services', reading), on('core', 'services/status', 'patch update'), on('core', 'nodes', 'list watch'), recordingEvents],
  'statefulset-controller': [
    on('core', 'pods', 'create delete get list patch update watch'),
    on('apps', 'statefulsets', reading),
    on('apps', 'statefulsets/finalizers statefulsets/status', 'update'),
    revisions,
    on('core', 'persistentvolumeclaims', 'create delete get list update watch'),
    on('core', 'pods/finalizers', 'update'),
    recordingEvents,
  ],
  'ttl-after-finished-controller': [on('batch', 'jobs', 'delete get list watch'), recordingEvents],
  'ttl-controller': [on('core', 'nodes', 'list patch update watch'), recordingEvents],
}

/** Where ours patches what upstream's updates, or has the work of a cloud's controller. */
const beyond: Readonly<Record<string, readonly PolicyRule[]>> = {
  'deployment-controller': [on('apps', 'deployments', 'patch')],
  'namespace-controller': [recordingEvents],
  'persistent-volume-binder': [on('core', 'persistentvolumeclaims persistentvolumes', 'patch')],
  'pod-garbage-collector': [recordingEvents],
  'pv-protection-controller': [on('core', 'persistentvolumes', 'patch')],
  'pvc-protection-controller': [on('core', 'persistentvolumeclaims', 'patch')],
  'service-controller': [on('core', 'services', 'patch update')],
  'statefulset-controller': [on('core', 'persistentvolumeclaims', 'patch')],
}

const rolesOf = (prefix: string, table: typeof upstream): PartRole[] =>
  Object.entries(table).map(([account, rules]) => ({
    name: `${prefix}${account}`,
    rules,
    subject: { kind: 'ServiceAccount', name: account, namespace: 'kube-system' },
  }))

export const controllerRoles: readonly PartRole[] = [...rolesOf('system:controller:', upstream), ...rolesOf('knarr:controller:', beyond)]
