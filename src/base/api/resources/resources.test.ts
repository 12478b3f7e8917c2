import { describe, expect, test } from 'vitest'
import type { KubeObject, Mutable } from '../object.ts'
import { kinds } from '../kinds.ts'
import { resources } from './index.ts'

// eslint-disable-next-line typescript/no-explicit-any -- objects as clients send them, of any shape
type Loose = Record<string, any>

const now = Date.UTC(2026, 0, 1, 12)
const stamp = (secondsAgo: number) => new Date(now - secondsAgo * 1000).toISOString()
const resourceOf = (plural: string) => resources.find((resource) => resource.kind.plural === plural)!

/** A new object as the API server makes it. */
const made = (plural: string, object: Loose): Loose => {
  const resource = resourceOf(plural)
  const copy = structuredClone({
    ...object,
    metadata: { name: 'x', ...(resource.kind.namespaced ? { namespace: 'default' } : {}), uid: 'u1', creationTimestamp: stamp(150), ...object['metadata'] },
  })
  resource.defaults?.(copy as Mutable<KubeObject>)
  resource.prepareCreate(copy as Mutable<KubeObject>)
  return copy
}

const faultsOf = (plural: string, object: Loose, old?: Loose): string[] =>
  resourceOf(plural)
    .validate(object as KubeObject, old as KubeObject | undefined)
    .map((fault) => `${fault.field}: ${fault.message}`)

/** The row as `kubectl get -o wide` heads it. */
const row = (plural: string, object: Loose): Loose => {
  const resource = resourceOf(plural)
  const cells = resource.cells(object as KubeObject, { now })
  return Object.fromEntries(resource.columns.map((column, i) => [column.name, cells[i]]))
}

const container = { name: 'c', image: 'web:1' }
const labels = { app: 'x' }
const template = { metadata: { labels }, spec: { containers: [container] } }
const workload = { spec: { selector: { matchLabels: labels }, template } }
const podWith = (spec: Loose): Loose => made('pods', { spec: { containers: [container], ...spec } })
const changed = (object: Loose, change: (copy: Loose) => void): Loose => {
  const copy = structuredClone(object)
  change(copy)
  return copy
}

test('every kind is listed once, in the order of discovery', () => {
  expect(resources.filter((resource) => !resource.storedAs).map((resource) => resource.kind)).toEqual(kinds)
})

test('defaults may be repeated', () => {
  for (const [plural, object] of [
    ['pods', podWith({})],
    ['deployments', made('deployments', workload)],
    ['statefulsets', made('statefulsets', workload)],
    ['daemonsets', made('daemonsets', workload)],
    ['jobs', made('jobs', { spec: { template } })],
    ['services', made('services', { spec: { ports: [{ port: 80 }] } })],
  ] as const) {
    const again = structuredClone(object)
    resourceOf(plural).defaults!(again as Mutable<KubeObject>)
    expect(again).toEqual(object)
  }
})

describe('defaults', () => {
  test('of a Pod', () => {
    const pod = podWith({
      volumes: [{ name: 'v', configMap: { name: 'm' } }, { name: 'e' }],
      serviceAccountName: 'sa',
      containers: [{ ...container, ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } }, resources: { limits: { cpu: '1' } } }],
    })
    expect(pod['spec']).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
      securityContext: {},
      enableServiceLinks: true,
      serviceAccount: 'sa',
      volumes: [{ configMap: { defaultMode: 420 } }, { emptyDir: {} }],
      containers: [
        {
          imagePullPolicy: 'IfNotPresent',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          ports: [{ protocol: 'TCP' }],
          resources: { requests: { cpu: '1' } },
          livenessProbe: { httpGet: { path: '/', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
        },
      ],
    })
    expect(pod['status']).toEqual({ phase: 'Pending', qosClass: 'Burstable' })
    expect(pod['metadata']['generation']).toBe(1)
  })

  test.each([
    ['web', 'Always'],
    ['web:latest', 'Always'],
    ['reg:5000/web', 'Always'],
    ['reg:5000/web:2', 'IfNotPresent'],
    ['web@sha256:ab', 'IfNotPresent'],
  ])('image %s is pulled %s', (image, policy) =>
    expect(podWith({ containers: [{ name: 'c', image }] })['spec']['containers'][0]['imagePullPolicy']).toBe(policy),
  )

  test('of a Deployment, a Service, a Secret and a Namespace', () => {
    expect(made('deployments', workload)['spec']).toMatchObject({
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    })
    expect(made('services', { spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } })['spec']).toEqual({
      type: 'LoadBalancer',
      sessionAffinity: 'None',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      allocateLoadBalancerNodePorts: true,
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv4'],
    })
    const secret = made('secrets', { data: { a: 'eA==' }, stringData: { b: 'y' } })
    expect([secret['type'], secret['data'], secret['stringData']]).toEqual(['Opaque', { a: 'eA==', b: 'eQ==' }, undefined])
    expect(made('namespaces', {})).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    })
  })

  test('a Job selects its own Pods', () => {
    const job = made('jobs', { spec: { template: { spec: { containers: [container], restartPolicy: 'Never' } } } })
    expect(job['spec']).toMatchObject({
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
    })
    expect(faultsOf('jobs', job)).toEqual([])
    expect(made('jobs', { metadata: { name: undefined, generateName: 'x-' }, spec: { template } })['spec']['template']['metadata']['labels']).toEqual({
      app: 'x',
      'controller-uid': 'u1',
      'batch.kubernetes.io/controller-uid': 'u1',
    })
  })
})

describe('validation', () => {
  test('finds nothing wrong with plain objects', () => {
    expect(faultsOf('pods', podWith({}))).toEqual([])
    for (const plural of ['deployments', 'replicasets', 'statefulsets', 'daemonsets'])
      expect([plural, faultsOf(plural, made(plural, workload))]).toEqual([plural, []])
    expect(faultsOf('services', made('services', { spec: { ports: [{ port: 80 }] } }))).toEqual([])
    expect(faultsOf('namespaces', made('namespaces', {}))).toEqual([])
    expect(
      faultsOf('clusterroles', made('clusterroles', { metadata: { name: 'system:x' }, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] })),
    ).toEqual([])
  })

  const label =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

  test.each<[string, string, Loose, string[]]>([
    ['no containers', 'pods', { spec: { containers: [] } }, ['spec.containers: Required value']],
    ['a bad name', 'namespaces', { metadata: { name: 'My' } }, [`metadata.name: Invalid value: "My": ${label}`]],
    [
      'a container without image',
      'pods',
      { spec: { containers: [{ name: 'C' }] } },
      [`spec.containers[0].name: Invalid value: "C": ${label}`, 'spec.containers[0].image: Required value'],
    ],
    ['two containers of a name', 'pods', { spec: { containers: [container, container] } }, ['spec.containers[1].name: Duplicate value: "c"']],
    [
      'a port out of range',
      'pods',
      { spec: { containers: [{ ...container, ports: [{ containerPort: 70000 }] }] } },
      ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [
      'a mount of nothing',
      'pods',
      { spec: { containers: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] } },
      ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ],
    [
      "both the Pod's and the node's processes",
      'pods',
      { spec: { containers: [container], hostPID: true, shareProcessNamespace: true } },
      ['spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled'],
    ],
    [
      'a host path that climbs, of no known type',
      'pods',
      { spec: { containers: [container], volumes: [{ name: 'v', hostPath: { path: '/a/../b', type: 'Folder' } }] } },
      [
        `spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
        'spec.volumes[0].hostPath.type: Unsupported value: "Folder": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ],
    ],
    [
      'resources that no variable or file can tell',
      'pods',
      {
        spec: {
          containers: [
            {
              ...container,
              env: [
                { name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.gpu' } } },
                { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1k' } } },
                { name: 'C', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1024Ki' } } },
              ],
            },
          ],
          volumes: [{ name: 'v', downwardAPI: { items: [{ path: 'cpu', resourceFieldRef: { resource: 'limits.cpu' } }] } }],
        },
      },
      [
        'spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value',
        'spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
        `spec.containers[0].env[1].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
      ],
    ],
    [
      'a restart policy of fancy',
      'pods',
      { spec: { containers: [container], restartPolicy: 'Maybe' } },
      ['spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "Never", "OnFailure"'],
    ],
    [
      'requests above limits',
      'pods',
      { spec: { containers: [{ ...container, resources: { requests: { cpu: '2' }, limits: { cpu: '500m' } } }] } },
      ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 500m'],
    ],
    [
      'negative replicas',
      'deployments',
      { spec: { ...workload.spec, replicas: -1 } },
      ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      'a selector that misses',
      'deployments',
      { spec: { selector: { matchLabels: { app: 'y' } }, template } },
      ['spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'],
    ],
    ['no selector', 'replicasets', { spec: { template } }, ['spec.selector: Required value']],
    ['a Service without ports', 'services', { spec: {} }, ['spec.ports: Required value']],
    [
      'two nameless ports',
      'services',
      { spec: { ports: [{ port: 80 }, { port: 81 }] } },
      ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value'],
    ],
    [
      'an Ingress path without type',
      'ingresses',
      { spec: { rules: [{ http: { paths: [{ path: '/', backend: { service: { name: 'a', port: { number: 80 } } } }] } }] } },
      ['spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified'],
    ],
    [
      'a bad key',
      'configmaps',
      { data: { 'a b': '' } },
      [
        "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ],
    ],
    ['a user priority too high', 'priorityclasses', { value: 2e9 }, ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000']],
    [
      'a bad schedule',
      'cronjobs',
      { spec: { schedule: '* * *', jobTemplate: { spec: { template: { spec: { containers: [container], restartPolicy: 'Never' } } } } } },
      ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]'],
    ],
    ['a Job that always restarts', 'jobs', { spec: { template } }, ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']],
  ])('refuses %s', (_what, plural, object, expected) => expect(faultsOf(plural, made(plural, object))).toEqual(expected))

  test('lets an update of a Pod change its image and add tolerations, and nothing else', () => {
    const old = podWith({})
    expect(
      faultsOf(
        'pods',
        changed(old, (pod) => (pod['spec'].containers[0].image = 'web:2')),
        old,
      ),
    ).toEqual([])
    expect(
      faultsOf(
        'pods',
        changed(old, (pod) => (pod['spec'].tolerations = [{ key: 'a', operator: 'Exists' }])),
        old,
      ),
    ).toEqual([])
    const bound = changed(old, (pod) => (pod['spec'].nodeName = 'n1'))
    expect(faultsOf('pods', bound, old)[0]).toMatch(
      /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`,.*previously negative\)\n {2}spec.nodeName: was undefined, is "n1"\n$/,
    )
  })

  test.each([
    {},
    { spec: {} },
    { spec: { template: {}, jobTemplate: {}, volumeClaimTemplates: [{}], rules: [{ http: {} }, {}], ports: [{}], limits: [{}], strategy: {}, taints: [{}] } },
    {
      spec: {
        template: { spec: {} },
        jobTemplate: { spec: {} },
        containers: [{}],
        volumes: [{}],
        rules: [{ http: { paths: [{}] } }],
        tolerations: [{}],
        podSelector: { matchExpressions: [{}] },
      },
    },
    {
      spec: {
        template: { spec: { containers: [{ env: [{}], envFrom: [{}], ports: [{}], volumeMounts: [{}], livenessProbe: {} }] } },
        jobTemplate: { spec: { template: {} } },
        topologySpreadConstraints: [{}],
      },
    },
    { rules: [{}], subjects: [{}], endpoints: [{}], ports: [{}], subsets: [{}], metadata: { ownerReferences: [{}], finalizers: [''], labels: { '': '' } } },
  ])('judges any half-made object of any kind: %j', (object) => {
    for (const { kind } of resources) {
      const whole = made(kind.plural, object)
      const faults = [...faultsOf(kind.plural, whole), ...faultsOf(kind.plural, whole, made(kind.plural, {}))]
      expect(faults.every((fault) => !fault.includes('undefined:'))).toBe(true)
    }
  })

  test('keeps what is immutable', () => {
    const old = made('deployments', workload)
    const other = changed(old, ({ spec }) => ((spec.selector.matchLabels = { app: 'y' }), (spec.template.metadata.labels = { app: 'y' })))
    expect(faultsOf('deployments', other, old)).toEqual(['spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable'])
    const frozen = made('configmaps', { immutable: true, data: { a: '1' } })
    expect(
      faultsOf(
        'configmaps',
        changed(frozen, (map) => (map['data'].a = '2')),
        frozen,
      ),
    ).toEqual(['data: Forbidden: field is immutable when `immutable` is set'])
  })
})

test('an update keeps the status and counts a generation when the spec changed', () => {
  const old = { ...made('deployments', workload), status: { replicas: 3 } }
  const update = (change: (copy: Loose) => void): Loose => {
    const copy = changed(old, change)
    resourceOf('deployments').prepareUpdate(copy as Mutable<KubeObject>, old as unknown as KubeObject)
    return copy
  }
  expect(update((copy) => ((copy['spec'].replicas = 5), (copy['status'] = {})))).toMatchObject({ metadata: { generation: 2 }, status: { replicas: 3 } })
  expect(update((copy) => (copy['metadata'].labels = { a: 'b' }))).toMatchObject({ metadata: { generation: 1 } })
})

describe('columns', () => {
  const running = { name: 'c', ready: true, restartCount: 0, state: { running: {} } }
  const waiting = (reason: string) => ({ ...running, ready: false, state: { waiting: { reason } } })
  const ended = (exitCode: number, reason?: string) => ({ ...running, ready: false, state: { terminated: { exitCode, ...(reason ? { reason } : {}) } } })
  const two = {
    initContainers: [
      { name: 'i', image: 'i' },
      { name: 'j', image: 'j' },
    ],
  }

  test.each<[string, Loose, Loose, Loose?]>([
    ['0/1 Pending 0', {}, { phase: 'Pending' }],
    ['1/1 Running 0', {}, { phase: 'Running', containerStatuses: [running] }],
    ['0/1 ContainerCreating 0', {}, { phase: 'Pending', containerStatuses: [waiting('ContainerCreating')] }],
    [
      '0/1 CrashLoopBackOff 3 (5s ago)',
      {},
      { phase: 'Running', containerStatuses: [{ ...waiting('CrashLoopBackOff'), restartCount: 3, lastState: { terminated: { finishedAt: stamp(5) } } }] },
    ],
    ['0/1 Completed 0', {}, { phase: 'Succeeded', containerStatuses: [ended(0, 'Completed')] }],
    ['0/1 ExitCode:3 0', {}, { phase: 'Failed', containerStatuses: [ended(3)] }],
    ['0/1 Evicted 0', {}, { phase: 'Failed', reason: 'Evicted' }],
    ['0/1 Init:0/2 0', two, { phase: 'Pending', initContainerStatuses: [{ ...running, name: 'i' }], containerStatuses: [waiting('PodInitializing')] }],
    [
      '0/1 Init:1/2 0',
      two,
      {
        phase: 'Pending',
        initContainerStatuses: [
          { ...ended(0), name: 'i' },
          { ...waiting('PodInitializing'), name: 'j' },
        ],
      },
    ],
    ['0/1 Init:Error 2', two, { phase: 'Pending', initContainerStatuses: [{ ...ended(1, 'Error'), name: 'i', restartCount: 2 }] }],
    [
      '1/2 Running 0',
      { containers: [container, container] },
      { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [ended(0, 'Completed'), running] },
    ],
    ['0/1 SchedulingGated 0', {}, { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }],
    ['1/1 Terminating 0', {}, { phase: 'Running', containerStatuses: [running] }, { deletionTimestamp: stamp(1) }],
    [
      '2/2 Running 1',
      { initContainers: [{ name: 's', image: 's', restartPolicy: 'Always' }] },
      { phase: 'Running', initContainerStatuses: [{ ...running, name: 's', started: true, restartCount: 1 }], containerStatuses: [running] },
    ],
  ])('a Pod is %s', (expected, spec, status, metadata = {}) => {
    const pod = podWith(spec)
    const cells = row('pods', { ...pod, status, metadata: { ...pod['metadata'], ...metadata } })
    expect(`${cells['Ready']} ${cells['Status']} ${cells['Restarts']}`).toBe(expected)
    expect(cells).toMatchObject({ Age: '2m30s', IP: '<none>', Node: '<none>', 'Nominated Node': '<none>', 'Readiness Gates': '<none>' })
  })

  test('of Services', () => {
    expect(
      row(
        'services',
        made('services', { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1', ports: [{ port: 80, nodePort: 30080 }], selector: { b: '2', a: '1' } } }),
      ),
    ).toMatchObject({ Type: 'LoadBalancer', 'Cluster-IP': '10.0.0.1', 'External-IP': '<pending>', 'Port(s)': '80:30080/TCP', Selector: 'a=1,b=2' })
    expect(row('services', made('services', { spec: { clusterIP: 'None' } }))).toMatchObject({
      'Cluster-IP': 'None',
      'External-IP': '<none>',
      'Port(s)': '<none>',
      Selector: '<none>',
    })
  })

  test('of Deployments, Nodes, Jobs and Events', () => {
    expect(
      row('deployments', {
        ...made('deployments', { spec: { ...workload.spec, replicas: 3 } }),
        status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
      }),
    ).toEqual({ Name: 'x', Ready: '2/3', 'Up-to-date': 3, Available: 1, Age: '2m30s', Containers: 'c', Images: 'web:1', Selector: 'app=x' })
    expect(
      row(
        'nodes',
        made('nodes', {
          metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } },
          spec: { unschedulable: true },
          status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1.36.0' } },
        }),
      ),
    ).toMatchObject({ Status: 'Ready,SchedulingDisabled', Roles: 'control-plane', Version: 'v1.36.0', 'OS-Image': '<unknown>' })
    expect(
      row('jobs', {
        ...made('jobs', { spec: { template } }),
        status: { succeeded: 1, startTime: stamp(100), completionTime: stamp(93), conditions: [{ type: 'Complete', status: 'True' }] },
      }),
    ).toMatchObject({ Status: 'Complete', Completions: '1/1', Duration: '7s' })
    expect(
      row(
        'events',
        made('events', {
          involvedObject: { kind: 'Pod', name: 'p' },
          type: 'Normal',
          reason: 'Started',
          message: 'hi\n',
          eventTime: stamp(90),
          source: { component: 'kubelet', host: 'n' },
        }),
      ),
    ).toMatchObject({ 'Last Seen': '90s', Object: 'pod/p', Message: 'hi', Source: 'kubelet, n', Count: '1' })
  })

  test('every kind tells of an object that has nothing but a name and an empty spec', () => {
    const bare: Loose = {
      roleRef: { kind: 'Role', name: 'r' },
      template,
      involvedObject: {},
      spec: { template, jobTemplate: { spec: { template } }, containers: [] },
      provisioner: '',
      addressType: 'IPv4',
    }
    for (const resource of resources)
      expect(resource.cells({ metadata: { name: 'x' }, ...structuredClone(bare) } as unknown as KubeObject, { now })).toHaveLength(resource.columns.length)
  })
})
