// One valid object of every kind, as small as the API takes it: for tests that need any object at all.
const container = { name: 'c', image: 'web:1' }
const labels = { app: 'x' }
const podSpec = { containers: [container] }
const template = { metadata: { labels }, spec: podSpec }
const selector = { matchLabels: labels }
const subjects = [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }]
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }

/** By plural; without apiVersion, kind and metadata. A kind that is not here has no field that must be there. */
export const samples: Readonly<Record<string, object>> = {
  pods: { spec: podSpec },
  services: { spec: { ports: [{ port: 80 }] } },
  endpoints: { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80 }] }] },
  configmaps: { data: { a: 'b' } },
  secrets: { data: { a: 'Yg==' } },
  events: { involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' }, reason: 'R', message: 'm', type: 'Normal' },
  replicationcontrollers: { spec: { replicas: 1, selector: labels, template } },
  persistentvolumes: { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/d' } } },
  persistentvolumeclaims: { spec: claim },
  limitranges: { spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } },
  resourcequotas: { spec: { hard: { pods: '3' } } },
  podtemplates: { template },
  deployments: { spec: { selector, template } },
  replicasets: { spec: { selector, template } },
  statefulsets: { spec: { selector, template, serviceName: 's' } },
  daemonsets: { spec: { selector, template } },
  controllerrevisions: { revision: 1, data: { a: 1 } },
  jobs: { spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } },
  cronjobs: { spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } } } },
  horizontalpodautoscalers: { spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 3 } },
  endpointslices: { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'] }], ports: [{ name: 'http', port: 80 }] },
  ingresses: { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } },
  ingressclasses: { spec: { controller: 'example.com/ingress' } },
  networkpolicies: { spec: { podSelector: {} } },
  servicecidrs: { spec: { cidrs: ['10.200.0.0/24'] } },
  ipaddresses: { spec: { parentRef: { resource: 'services', namespace: 'default', name: 's' } } },
  leases: { spec: { holderIdentity: 'me' } },
  priorityclasses: { value: 5 },
  storageclasses: { provisioner: 'example.com/disk' },
  volumesnapshotclasses: { driver: 'volumes.knarr.local', deletionPolicy: 'Delete' },
  volumesnapshots: { spec: { source: { persistentVolumeClaimName: 'data' } } },
  volumesnapshotcontents: {
    spec: {
      driver: 'volumes.knarr.local',
      deletionPolicy: 'Delete',
      source: { volumeHandle: 'pvc-1' },
      volumeSnapshotRef: { namespace: 'default', name: 'first' },
    },
  },
  poddisruptionbudgets: { spec: { minAvailable: 1, selector } },
  roles: { rules },
  rolebindings: { subjects, roleRef },
  clusterroles: { rules },
  clusterrolebindings: { subjects, roleRef: { ...roleRef, kind: 'ClusterRole' } },
}
