// What the parts of the cluster other than controllers may do. The names with `knarr:` are our own parts.
import type { PolicyRule, RbacSubject } from '../../../../base/api/generated/types.ts'
import { nodeRules } from '../node/node-rules.ts'
import { all, named, on, reading, recordingEvents } from './policy-rules.ts'

export interface PartRole {
  readonly name: string
  readonly rules: readonly PolicyRule[]
  /** Who is bound to it from the first second. */
  readonly subject?: RbacSubject
}

const user = (name: string): RbacSubject => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name })
const account = (name: string): RbacSubject => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' })
const asking = [on('authentication.k8s.io', 'tokenreviews', 'create'), on('authorization.k8s.io', 'subjectaccessreviews', 'create')]
const leading = (name: string) => [on('coordination.k8s.io', 'leases', 'create'), named(on('coordination.k8s.io', 'leases', 'get update'), name)]
const snapshots = 'snapshot.storage.k8s.io'
const approver = (signer: string): PartRole => ({
  name: `system:certificates.k8s.io:${signer}-approver`,
  rules: [named(on('certificates.k8s.io', 'signers', 'approve'), `kubernetes.io/${signer}`)],
})
const requester = (subresource: string): PartRole => ({
  name: `system:certificates.k8s.io:certificatesigningrequests:${subresource}`,
  rules: [on('certificates.k8s.io', `certificatesigningrequests/${subresource}`, 'create')],
})

const upstream: readonly PartRole[] = [
  {
    name: 'system:kube-controller-manager',
    subject: user('system:kube-controller-manager'),
    rules: [
      recordingEvents,
      ...leading('kube-controller-manager'),
      on('core', 'secrets serviceaccounts', 'create get update'),
      on('core', 'secrets', 'delete'),
      on('core', 'configmaps namespaces', 'get'),
      ...asking,
      on('*', '*', 'list watch'),
      on('core', 'serviceaccounts/token', 'create'),
    ],
  },
  {
    name: 'system:kube-scheduler',
    subject: user('system:kube-scheduler'),
    rules: [
      recordingEvents,
      ...leading('kube-scheduler'),
      on('core', 'nodes namespaces', reading),
      on('core', 'pods', `delete ${reading}`),
      on('core', 'bindings pods/binding', 'create'),
      on('core', 'pods/status', 'patch update'),
      on('core', 'replicationcontrollers services', reading),
      on('apps extensions', 'replicasets', reading),
      on('apps', 'statefulsets', reading),
      on('policy', 'poddisruptionbudgets', reading),
      on('core', 'persistentvolumeclaims persistentvolumes', reading),
      ...asking,
      on('storage.k8s.io', 'csidrivers csinodes csistoragecapacities', reading),
    ],
  },
  {
    name: 'system:volume-scheduler',
    subject: user('system:kube-scheduler'),
    rules: [on('core', 'persistentvolumeclaims persistentvolumes', `${reading} patch update`), on('storage.k8s.io', 'storageclasses', reading)],
  },
  {
    name: 'system:node-proxier',
    subject: user('system:kube-proxy'),
    rules: [
      on('core', 'endpoints services', 'list watch'),
      on('core', 'nodes', reading),
      recordingEvents,
      on('discovery.k8s.io', 'endpointslices', 'list watch'),
      on('networking.k8s.io', 'servicecidrs', 'list watch'),
    ],
  },
  { name: 'system:node', rules: nodeRules },
  { name: 'system:heapster', rules: [on('core', 'events namespaces nodes pods', reading), on('extensions', 'deployments', reading)] },
  { name: 'system:kube-aggregator', rules: [on('core', 'endpoints services', reading)] },
  {
    name: 'system:kubelet-api-admin',
    rules: [
      on('core', 'nodes', reading),
      on('core', 'nodes', 'proxy'),
      on('core', 'nodes/log nodes/metrics nodes/proxy nodes/stats nodes/configz nodes/healthz nodes/pods nodes/spec', '*'),
    ],
  },
  { name: 'system:node-bootstrapper', rules: [on('certificates.k8s.io', 'certificatesigningrequests', `create ${reading}`)] },
  { name: 'system:node-problem-detector', rules: [on('core', 'nodes', 'get'), on('core', 'nodes/status', 'patch'), recordingEvents] },
  ...['nodeclient', 'selfnodeclient'].map(requester),
  ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map(approver),
]

const own: readonly PartRole[] = [
  {
    // One process holds all nodes of the machine: it watches once what each of them may read.
    name: 'knarr:agent',
    subject: user('system:knarr:agent'),
    rules: [on('core', 'configmaps nodes pods secrets services', reading), on('discovery.k8s.io', 'endpointslices', reading), recordingEvents],
  },
  {
    name: 'knarr:dns',
    subject: account('kube-dns'),
    rules: [on('core', 'endpoints namespaces pods services', 'list watch'), on('discovery.k8s.io', 'endpointslices', 'list watch')],
  },
  {
    name: 'knarr:ingress',
    subject: account('ingress-knarr'),
    rules: [
      on('networking.k8s.io', 'ingressclasses ingresses', reading),
      on('networking.k8s.io', 'ingresses/status', 'patch update'),
      on('core', 'configmaps namespaces secrets services', reading),
      on('discovery.k8s.io', 'endpointslices', reading),
      on('coordination.k8s.io', 'leases', all),
      recordingEvents,
    ],
  },
  {
    name: 'knarr:volume-provisioner',
    subject: account('volume-provisioner'),
    rules: [
      on('core', 'persistentvolumes', `${reading} create delete patch update`),
      on('core', 'persistentvolumeclaims', `${reading} patch update`),
      on('core', 'persistentvolumeclaims/status', 'patch update'),
      on('core', 'nodes pods', reading),
      on('storage.k8s.io', 'storageclasses', reading),
      on(snapshots, 'volumesnapshotcontents volumesnapshots', reading),
      on(snapshots, 'volumesnapshots', 'patch update'),
      recordingEvents,
    ],
  },
  {
    name: 'knarr:volume-snapshotter',
    subject: account('volume-snapshotter'),
    rules: [
      on('core', 'persistentvolumeclaims persistentvolumes pods', reading),
      on(snapshots, 'volumesnapshotclasses volumesnapshotcontents volumesnapshots', reading),
      on(snapshots, 'volumesnapshotcontents volumesnapshotcontents/status', 'patch update'),
      recordingEvents,
    ],
  },
  {
    name: 'knarr:snapshot-controller',
    subject: account('snapshot-controller'),
    rules: [
      on('core', 'persistentvolumeclaims persistentvolumes pods', reading),
      on('core', 'persistentvolumeclaims', 'patch update'),
      on(snapshots, 'volumesnapshotclasses volumesnapshotcontents volumesnapshots', `${reading} create delete patch update`),
      on(snapshots, 'volumesnapshotcontents/status volumesnapshots/status', 'patch update'),
      recordingEvents,
    ],
  },
]

export const componentRoles: readonly PartRole[] = [...upstream, ...own]
