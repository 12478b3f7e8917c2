// What every kubelet may do, as upstream's NodeRules; the authorizer narrows the reads of what Pods refer to.
import type { PolicyRule } from '../../../../base/api/generated/types.ts'
import { on, reading, recordingEvents } from '../rbac/policy-rules.ts'

export const nodeRules: readonly PolicyRule[] = [
  on('authentication.k8s.io', 'tokenreviews', 'create'),
  on('authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews', 'create'),
  on('core', 'services', reading),
  on('core', 'nodes', `create ${reading}`),
  on('core', 'nodes/status', 'patch update'),
  on('core', 'nodes', 'patch update'),
  recordingEvents,
  on('core', 'pods', reading),
  on('core', 'pods', 'create delete'),
  on('core', 'pods/status', 'patch update'),
  on('core', 'pods/eviction', 'create'),
  on('core', 'configmaps secrets', reading),
  on('core', 'persistentvolumeclaims persistentvolumes', 'get'),
  on('core', 'endpoints', 'get'),
  on('certificates.k8s.io', 'certificatesigningrequests', `create ${reading}`),
  on('coordination.k8s.io', 'leases', 'create delete get patch update'),
  on('storage.k8s.io', 'volumeattachments', 'get'),
  on('core', 'persistentvolumeclaims/status', 'get patch update'),
  on('core', 'serviceaccounts/token', 'create'),
  on('storage.k8s.io', 'csidrivers', reading),
  on('storage.k8s.io', 'csinodes', 'create delete get patch update'),
  on('node.k8s.io', 'runtimeclasses', reading),
]
