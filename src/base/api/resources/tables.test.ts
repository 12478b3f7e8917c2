// What `kubectl get -o wide` prints of each kind: a header as upstream has it (a star marks what only -o wide shows), and a row.
import { expect, test } from 'vitest'
import type { KubeObject, Mutable } from '../object.ts'
import { resources } from './index.ts'

const now = Date.parse('2026-01-02T00:00:00Z')
const created = '2026-01-01T23:55:00Z'
const template = {
  metadata: { labels: { app: 'web' } },
  spec: {
    containers: [
      { name: 'web', image: 'nginx:1.27' },
      { name: 'log', image: 'fluent/bit' },
    ],
  },
}
const selector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['b', 'a'] }] }
const running = (name: string, more: object = {}) => ({ name, ready: true, restartCount: 0, state: { running: {} }, image: '', imageID: '', ...more })

const objects: Readonly<Record<string, object>> = {
  namespaces: { status: { phase: 'Active' } },
  nodes: {
    metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      nodeInfo: { kubeletVersion: 'v1.36.0', osImage: 'Debian GNU/Linux 12', kernelVersion: '6.1', containerRuntimeVersion: 'knarr://1' },
    },
  },
  pods: {
    spec: { ...template.spec, nodeName: 'n1', readinessGates: [{ conditionType: 'g' }] },
    status: {
      phase: 'Running',
      podIP: '10.1.0.2',
      containerStatuses: [running('web', { restartCount: 2, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T23:58:00Z' } } }), running('log')],
    },
  },
  services: {
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.9',
      selector: { app: 'web' },
      ports: [
        { port: 80, nodePort: 30080 },
        { port: 53, protocol: 'UDP' },
      ],
    },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } },
  },
  endpoints: { subsets: [{ addresses: [{ ip: '10.1.0.2' }, { ip: '10.1.0.3' }], ports: [{ port: 80 }, { port: 443 }] }] },
  configmaps: { data: { a: '1', b: '2' }, binaryData: { c: 'AA==' } },
  secrets: { type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } },
  serviceaccounts: { secrets: [{ name: 's' }] },
  events: {
    involvedObject: { kind: 'Pod', name: 'web', fieldPath: 'spec.containers{web}' },
    type: 'Warning',
    reason: 'BackOff',
    message: 'Back-off restarting failed container',
    source: { component: 'kubelet', host: 'n1' },
    count: 3,
    firstTimestamp: '2026-01-01T23:00:00Z',
    lastTimestamp: '2026-01-01T23:59:30Z',
  },
  replicationcontrollers: { spec: { replicas: 3, selector: { app: 'web' }, template }, status: { replicas: 2, readyReplicas: 1 } },
  persistentvolumes: {
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce', 'ReadOnlyMany'],
      storageClassName: 'fast',
      claimRef: { namespace: 'default', name: 'data' },
    },
    status: { phase: 'Bound' },
  },
  persistentvolumeclaims: {
    spec: { volumeName: 'pv1', storageClassName: 'fast', volumeMode: 'Filesystem', accessModes: ['ReadWriteOnce'] },
    status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
  },
  limitranges: { spec: { limits: [] } },
  resourcequotas: { spec: {}, status: { hard: { pods: '10', 'limits.cpu': '2' }, used: { pods: '3', 'limits.cpu': '500m' } } },
  podtemplates: { template },
  deployments: { spec: { replicas: 3, selector, template }, status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 } },
  replicasets: { spec: { replicas: 3, selector, template }, status: { replicas: 3, readyReplicas: 2 } },
  statefulsets: { spec: { replicas: 3, selector, template }, status: { readyReplicas: 2 } },
  daemonsets: {
    spec: { selector, template: { ...template, spec: { ...template.spec, nodeSelector: { disk: 'ssd' } } } },
    status: { desiredNumberScheduled: 3, currentNumberScheduled: 3, numberReady: 2, updatedNumberScheduled: 3, numberAvailable: 1 },
  },
  controllerrevisions: { metadata: { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', controller: true, uid: 'u' }] }, revision: 4 },
  jobs: { spec: { completions: 3, selector, template }, status: { succeeded: 1, startTime: '2026-01-01T23:59:20Z' } },
  horizontalpodautoscalers: {
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    },
  },
  cronjobs: {
    spec: { schedule: '*/5 * * * *', suspend: false, timeZone: 'Europe/Oslo', jobTemplate: { spec: { template } } },
    status: { active: [{}], lastScheduleTime: '2026-01-01T23:57:00Z' },
  },
  endpointslices: {
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: [{ addresses: ['10.1.0.2'] }, { addresses: ['10.1.0.3'] }, { addresses: ['10.1.0.4'] }, { addresses: ['10.1.0.5'] }],
  },
  ingresses: {
    spec: { ingressClassName: 'nginx', rules: [{ host: 'a.example' }, { host: 'b.example' }], tls: [{}] },
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }, { hostname: 'lb.example' }] } },
  },
  ingressclasses: { spec: { controller: 'k8s.io/ingress-nginx', parameters: { apiGroup: 'k8s.example', kind: 'Settings', name: 's' } } },
  networkpolicies: { spec: { podSelector: selector } },
  servicecidrs: { spec: { cidrs: ['10.96.0.0/16', 'fd00::/108'] } },
  ipaddresses: { spec: { parentRef: { resource: 'services', namespace: 'default', name: 'kubernetes' } } },
  leases: { spec: { holderIdentity: 'n1' } },
  priorityclasses: { value: 1000, globalDefault: true, preemptionPolicy: 'Never' },
  storageclasses: {
    metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'knarr.dev/local',
    allowVolumeExpansion: true,
  },
  volumesnapshotclasses: { driver: 'knarr.dev/local', deletionPolicy: 'Delete' },
  volumesnapshots: {
    spec: { source: { persistentVolumeClaimName: 'data' }, volumeSnapshotClassName: 'standard' },
    status: { readyToUse: true, restoreSize: '1Gi', boundVolumeSnapshotContentName: 'snapcontent-1', creationTime: '2026-01-01T23:56:00Z' },
  },
  volumesnapshotcontents: {
    spec: {
      driver: 'knarr.dev/local',
      deletionPolicy: 'Retain',
      source: { snapshotHandle: 's' },
      volumeSnapshotClassName: 'standard',
      volumeSnapshotRef: { namespace: 'shop', name: 'first' },
    },
    status: { readyToUse: true, restoreSize: 1024 },
  },
  poddisruptionbudgets: { spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 1 } },
  roles: {},
  rolebindings: {
    roleRef: { kind: 'ClusterRole', name: 'view' },
    subjects: [
      { kind: 'User', name: 'ada' },
      { kind: 'Group', name: 'dev' },
      { kind: 'ServiceAccount', name: 'ci', namespace: 'build' },
    ],
  },
  clusterroles: {},
  clusterrolebindings: {
    roleRef: { kind: 'ClusterRole', name: 'admin' },
    subjects: [
      { kind: 'User', name: 'ada' },
      { kind: 'User', name: 'bob' },
    ],
  },
}

const shown = (plural: string): string => {
  const resource = resources.find((one) => one.kind.plural === plural && !one.storedAs)!
  const given = objects[plural] as { metadata?: object }
  const object = { ...structuredClone(given), metadata: { name: 'x', creationTimestamp: created, ...given.metadata } }
  resource.defaults(object as unknown as Mutable<KubeObject>)
  const cells = resource.cells(object as unknown as KubeObject, { now })
  const header = resource.columns.map(({ name, priority }) => name.toUpperCase() + (priority ? '*' : ''))
  const widths = header.map((title, i) => Math.max(title.length, String(cells[i]).length))
  return [header, cells]
    .map((line) =>
      line
        .map((cell, i) => String(cell).padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

test('every kind has its lines here', () => {
  expect(Object.keys(objects)).toEqual(resources.filter((one) => !one.storedAs).map((one) => one.kind.plural))
})

test('the tables', () => {
  expect(
    Object.keys(objects)
      .map((plural) => `${plural}\n${shown(plural)}`)
      .join('\n\n'),
  ).toMatchInlineSnapshot(`
    "namespaces
    NAME  STATUS  AGE
    x     Active  5m

    nodes
    NAME  STATUS                    ROLES          AGE  VERSION  INTERNAL-IP*  EXTERNAL-IP*  OS-IMAGE*            KERNEL-VERSION*  CONTAINER-RUNTIME*
    x     Ready,SchedulingDisabled  control-plane  5m   v1.36.0  10.0.0.1      <none>        Debian GNU/Linux 12  6.1              knarr://1

    pods
    NAME  READY  STATUS   RESTARTS    AGE  IP*       NODE*  NOMINATED NODE*  READINESS GATES*
    x     2/2    Running  2 (2m ago)  5m   10.1.0.2  n1     <none>           0/1

    services
    NAME  TYPE          CLUSTER-IP  EXTERNAL-IP  PORT(S)              AGE  SELECTOR*
    x     LoadBalancer  10.96.0.9   192.0.2.7    80:30080/TCP,53/UDP  5m   app=web

    endpoints
    NAME  ENDPOINTS                                         AGE
    x     10.1.0.2:80,10.1.0.3:80,10.1.0.2:443 + 1 more...  5m

    configmaps
    NAME  DATA  AGE
    x     3     5m

    secrets
    NAME  TYPE               DATA  AGE
    x     kubernetes.io/tls  2     5m

    serviceaccounts
    NAME  SECRETS  AGE
    x     1        5m

    events
    LAST SEEN  TYPE     REASON   OBJECT   SUBOBJECT*            SOURCE*      MESSAGE                               FIRST SEEN*  COUNT*  NAME*
    30s        Warning  BackOff  pod/web  spec.containers{web}  kubelet, n1  Back-off restarting failed container  60m          3       x

    replicationcontrollers
    NAME  DESIRED  CURRENT  READY  AGE  CONTAINERS*  IMAGES*                SELECTOR*
    x     3        2        1      5m   web,log      nginx:1.27,fluent/bit  app=web

    persistentvolumes
    NAME  CAPACITY  ACCESS MODES  RECLAIM POLICY  STATUS  CLAIM         STORAGECLASS  VOLUMEATTRIBUTESCLASS  REASON  AGE  VOLUMEMODE*
    x     1Gi       RWO,ROX       Retain          Bound   default/data  fast          <unset>                        5m   Filesystem

    persistentvolumeclaims
    NAME  STATUS  VOLUME  CAPACITY  ACCESS MODES  STORAGECLASS  VOLUMEATTRIBUTESCLASS  AGE  VOLUMEMODE*
    x     Bound   pv1     1Gi       RWO           fast          <unset>                5m   Filesystem

    limitranges
    NAME  CREATED AT
    x     2026-01-01T23:55:00Z

    resourcequotas
    NAME  REQUEST     LIMIT               AGE
    x     pods: 3/10  limits.cpu: 500m/2  5m

    podtemplates
    NAME  CONTAINERS  IMAGES                 POD LABELS
    x     web,log     nginx:1.27,fluent/bit  app=web

    deployments
    NAME  READY  UP-TO-DATE  AVAILABLE  AGE  CONTAINERS*  IMAGES*                SELECTOR*
    x     2/3    3           1          5m   web,log      nginx:1.27,fluent/bit  app=web,tier notin (a,b)

    replicasets
    NAME  DESIRED  CURRENT  READY  AGE  CONTAINERS*  IMAGES*                SELECTOR*
    x     3        3        2      5m   web,log      nginx:1.27,fluent/bit  app=web,tier notin (a,b)

    statefulsets
    NAME  READY  AGE  CONTAINERS*  IMAGES*
    x     2/3    5m   web,log      nginx:1.27,fluent/bit

    daemonsets
    NAME  DESIRED  CURRENT  READY  UP-TO-DATE  AVAILABLE  NODE SELECTOR  AGE  CONTAINERS*  IMAGES*                SELECTOR*
    x     3        3        2      3           1          disk=ssd       5m   web,log      nginx:1.27,fluent/bit  app=web,tier notin (a,b)

    controllerrevisions
    NAME  CONTROLLER           REVISION  AGE
    x     statefulset.apps/db  4         5m

    jobs
    NAME  STATUS   COMPLETIONS  DURATION  AGE  CONTAINERS*  IMAGES*                SELECTOR*
    x     Running  1/3          40s       5m   web,log      nginx:1.27,fluent/bit  app=web,tier notin (a,b)

    horizontalpodautoscalers
    NAME  REFERENCE       TARGETS             MINPODS  MAXPODS  REPLICAS  AGE
    x     Deployment/web  cpu: <unknown>/80%  1        3        0         5m

    cronjobs
    NAME  SCHEDULE     TIMEZONE     SUSPEND  ACTIVE  LAST SCHEDULE  AGE  CONTAINERS*  IMAGES*                SELECTOR*
    x     */5 * * * *  Europe/Oslo  False    1       3m             5m   web,log      nginx:1.27,fluent/bit  <none>

    endpointslices
    NAME  ADDRESSTYPE  PORTS  ENDPOINTS                               AGE
    x     IPv4         80     10.1.0.2,10.1.0.3,10.1.0.4 + 1 more...  5m

    ingresses
    NAME  CLASS  HOSTS                ADDRESS               PORTS    AGE
    x     nginx  a.example,b.example  192.0.2.1,lb.example  80, 443  5m

    ingressclasses
    NAME  CONTROLLER            PARAMETERS              AGE
    x     k8s.io/ingress-nginx  Settings.k8s.example/s  5m

    networkpolicies
    NAME  POD-SELECTOR              AGE
    x     app=web,tier notin (a,b)  5m

    servicecidrs
    NAME  CIDRS                    AGE
    x     10.96.0.0/16,fd00::/108  5m

    ipaddresses
    NAME  PARENTREF                    AGE
    x     services/default/kubernetes  5m

    leases
    NAME  HOLDER  AGE
    x     n1      5m

    priorityclasses
    NAME  VALUE  GLOBAL-DEFAULT  AGE  PREEMPTIONPOLICY
    x     1000   true            5m   Never

    storageclasses
    NAME         PROVISIONER      RECLAIMPOLICY  VOLUMEBINDINGMODE  ALLOWVOLUMEEXPANSION  AGE
    x (default)  knarr.dev/local  Delete         Immediate          true                  5m

    volumesnapshotclasses
    NAME  DRIVER           DELETIONPOLICY  AGE
    x     knarr.dev/local  Delete          5m

    volumesnapshots
    NAME  READYTOUSE  SOURCEPVC  SOURCESNAPSHOTCONTENT  RESTORESIZE  SNAPSHOTCLASS  SNAPSHOTCONTENT  CREATIONTIME  AGE
    x     true        data                              1Gi          standard       snapcontent-1    4m            5m

    volumesnapshotcontents
    NAME  READYTOUSE  RESTORESIZE  DELETIONPOLICY  DRIVER           VOLUMESNAPSHOTCLASS  VOLUMESNAPSHOT  VOLUMESNAPSHOTNAMESPACE  AGE
    x     true        1024         Retain          knarr.dev/local  standard             first           shop                     5m

    poddisruptionbudgets
    NAME  MIN AVAILABLE  MAX UNAVAILABLE  ALLOWED DISRUPTIONS  AGE
    x     50%            N/A              1                    5m

    roles
    NAME  CREATED AT
    x     2026-01-01T23:55:00Z

    rolebindings
    NAME  ROLE              AGE  USERS*  GROUPS*  SERVICEACCOUNTS*
    x     ClusterRole/view  5m   ada     dev      build/ci

    clusterroles
    NAME  CREATED AT
    x     2026-01-01T23:55:00Z

    clusterrolebindings
    NAME  ROLE               AGE  USERS*    GROUPS*  SERVICEACCOUNTS*
    x     ClusterRole/admin  5m   ada, bob"
  `)
})
