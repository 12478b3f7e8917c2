// The roles and bindings that every cluster begins with: upstream's, and what the cluster's own parts need beyond them.
import type { ClusterRole, ClusterRoleBinding, PolicyRule, RbacSubject, Role, RoleBinding } from '../../../../base/api/generated/types.ts'
import type { Draft } from '../../../../base/api/object.ts'
import { componentRoles } from './component-roles.ts'
import { controllerRoles } from './controller-roles.ts'
import { all, named, on, paths, reading, recordingEvents, writing } from './policy-rules.ts'

const group = 'rbac.authorization.k8s.io'
const connecting = 'pods/attach pods/exec pods/portforward pods/proxy'

const aggregateToView: readonly PolicyRule[] = [
  on(
    'core',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
    reading,
  ),
  on('core', 'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status', reading),
  on('core', 'namespaces', reading),
  on('discovery.k8s.io', 'endpointslices', reading),
  on(
    'apps',
    'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
    reading,
  ),
  on('autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status', reading),
  on('batch', 'cronjobs cronjobs/status jobs jobs/status', reading),
  on('policy', 'poddisruptionbudgets poddisruptionbudgets/status', reading),
  on('networking.k8s.io', 'ingresses ingresses/status networkpolicies', reading),
]

const aggregateToEdit: readonly PolicyRule[] = [
  on('core', `${connecting} secrets services/proxy`, reading),
  on('core', 'serviceaccounts', 'impersonate'),
  on('core', `pods ${connecting}`, writing),
  on('core', 'pods/eviction', 'create'),
  on(
    'core',
    'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
    writing,
  ),
  on('core', 'serviceaccounts/token', 'create'),
  on('apps', 'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale', writing),
  on('autoscaling', 'horizontalpodautoscalers', writing),
  on('batch', 'cronjobs jobs', writing),
  on('policy', 'poddisruptionbudgets', writing),
  on('networking.k8s.io', 'ingresses networkpolicies', writing),
  on('coordination.k8s.io', 'leases', all),
]

const aggregateToAdmin: readonly PolicyRule[] = [on('authorization.k8s.io', 'localsubjectaccessreviews', 'create'), on(group, 'rolebindings roles', all)]

const aggregateTo = (name: string) => ({ [`${group}/aggregate-to-${name}`]: 'true' })

/** Name, rules, and what labels or aggregation make of them. */
const clusterRoleRows: readonly (readonly [name: string, rules: readonly PolicyRule[], more?: { labels?: Record<string, string>; aggregates?: string }])[] = [
  ['cluster-admin', [on('*', '*', '*'), { nonResourceURLs: ['*'], verbs: ['*'] }]],
  ['admin', [...aggregateToAdmin, ...aggregateToEdit, ...aggregateToView], { aggregates: 'admin' }],
  ['edit', [...aggregateToEdit, ...aggregateToView], { aggregates: 'edit', labels: aggregateTo('admin') }],
  ['view', aggregateToView, { aggregates: 'view', labels: aggregateTo('edit') }],
  ['system:aggregate-to-admin', aggregateToAdmin, { labels: aggregateTo('admin') }],
  ['system:aggregate-to-edit', aggregateToEdit, { labels: aggregateTo('edit') }],
  ['system:aggregate-to-view', aggregateToView, { labels: aggregateTo('view') }],
  ['system:auth-delegator', [on('authentication.k8s.io', 'tokenreviews', 'create'), on('authorization.k8s.io', 'subjectaccessreviews', 'create')]],
  [
    'system:basic-user',
    [on('authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews', 'create'), on('authentication.k8s.io', 'selfsubjectreviews', 'create')],
  ],
  ['system:discovery', [paths('/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/')]],
  ['system:public-info-viewer', [paths('/healthz /livez /readyz /version /version/')]],
  ['system:monitoring', [paths('/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*')]],
  ['system:service-account-issuer-discovery', [paths('/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/')]],
  ['system:kube-dns', [on('core', 'endpoints services', 'list watch')]],
  [
    'system:persistent-volume-provisioner',
    [
      on('core', 'persistentvolumes', 'create delete get list watch'),
      on('core', 'persistentvolumeclaims', `${reading} update`),
      on('storage.k8s.io', 'storageclasses', reading),
      on('core', 'events', 'watch'),
      recordingEvents,
    ],
  ],
  ...[...componentRoles, ...controllerRoles].map(({ name, rules }) => [name, rules] as const),
]

const defaults = { labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' }, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' } }

export const defaultClusterRoles: readonly Draft<ClusterRole>[] = clusterRoleRows.map(([name, rules, { labels, aggregates } = {}]) => ({
  metadata: { name, ...defaults, labels: { ...defaults.labels, ...labels } },
  rules,
  ...(aggregates ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateTo(aggregates) }] } } : {}),
}))

const toGroup = (name: string): RbacSubject => ({ apiGroup: group, kind: 'Group', name })
const everybody = [toGroup('system:authenticated')]
const roleRef = (kind: 'ClusterRole' | 'Role', name: string) => ({ apiGroup: group, kind, name })

const clusterBinding = (name: string, role: string, subjects: readonly RbacSubject[], metadata: object = defaults): Draft<ClusterRoleBinding> => ({
  metadata: { name, ...metadata },
  roleRef: roleRef('ClusterRole', role),
  subjects,
})

export const defaultClusterRoleBindings: readonly Draft<ClusterRoleBinding>[] = [
  clusterBinding('cluster-admin', 'cluster-admin', [toGroup('system:masters')]),
  clusterBinding('system:basic-user', 'system:basic-user', everybody),
  clusterBinding('system:discovery', 'system:discovery', everybody),
  clusterBinding('system:public-info-viewer', 'system:public-info-viewer', [...everybody, toGroup('system:unauthenticated')]),
  clusterBinding('system:monitoring', 'system:monitoring', [toGroup('system:monitoring')]),
  clusterBinding('system:service-account-issuer-discovery', 'system:service-account-issuer-discovery', [toGroup('system:serviceaccounts')]),
  ...[...componentRoles, ...controllerRoles].flatMap(({ name, subject }) => (subject ? [clusterBinding(name, name, [subject])] : [])),
  // As kubeadm does.
  clusterBinding('kubeadm:cluster-admins', 'cluster-admin', [toGroup('kubeadm:cluster-admins')], {}),
]

const bootstrapSigner = 'kubeadm:bootstrap-signer-clusterinfo'
const extensionReader = { name: 'extension-apiserver-authentication-reader', namespace: 'kube-system' }

export const defaultRoles: readonly Draft<Role>[] = [
  { metadata: { ...extensionReader, ...defaults }, rules: [named(on('core', 'configmaps', reading), 'extension-apiserver-authentication')] },
  { metadata: { name: bootstrapSigner, namespace: 'kube-public' }, rules: [named(on('core', 'configmaps', 'get'), 'cluster-info')] },
]

export const defaultRoleBindings: readonly Draft<RoleBinding>[] = [
  {
    metadata: { name: bootstrapSigner, namespace: 'kube-public' },
    roleRef: roleRef('Role', bootstrapSigner),
    subjects: [{ apiGroup: group, kind: 'User', name: 'system:anonymous' }],
  },
]
