import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, eventually, isRoot, type Sandbox } from './harness.ts'

// A database in small: it appends to a file when it starts, and shows the file as its log.
const database = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: do-block-storage}
provisioner: volumes.knarr.local
allowVolumeExpansion: true
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: db
        image: knarr.local/host-node
        command: [sh, -c, 'echo "started by $HOSTNAME" >> /data/log; cat /data/log; exec sleep 1000']
        volumeMounts: [{name: data, mountPath: /data, subPath: rows}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: do-block-storage, resources: {requests: {storage: 5Gi}}}
`

describe.runIf(isRoot)('a stateful workload', { timeout: 90_000 }, () => {
  let sandbox: Sandbox
  let k: Sandbox['k']
  const rolledOut = () => k('rollout', 'status', 'statefulset/db', '--timeout=30s')
  const log = (pod: string) => k('logs', pod)
  const volumeFolders = () => {
    const folder = join(sandbox.home, 'profiles', 'default', 'volumes')
    return existsSync(folder) ? readdirSync(folder) : []
  }

  beforeAll(async () => {
    sandbox = createSandbox()
    k = sandbox.k
    await sandbox.knarr('up')
    await sandbox.apply(database)
    await rolledOut()
  })
  afterAll(() => sandbox.remove())

  it('has Pods with names of their own, each with a claim and a volume', async () => {
    expect(await k('get', 'pods', '-o', 'name')).toBe('pod/db-0\npod/db-1\n')
    expect(await k('get', 'pvc', '-o', 'custom-columns=NAME:.metadata.name,STATUS:.status.phase', '--no-headers')).toMatch(
      /^data-db-0 +Bound\ndata-db-1 +Bound\n$/,
    )
    expect(await k('describe', 'pvc', 'data-db-0')).toMatch(/WaitForFirstConsumer[\s\S]*ExternalProvisioning[\s\S]*ProvisioningSucceeded|ProvisioningSucceeded/)
    expect(await log('db-1')).toBe('started by db-1\n')
  })

  it('keeps its data when a Pod is deleted, and when the whole cluster goes down', async () => {
    await k('delete', 'pod', 'db-0')
    await rolledOut()
    expect(await log('db-0')).toBe('started by db-0\n'.repeat(2))
    expect((await sandbox.knarr('down')).code).toBe(0)
    await sandbox.knarr('up')
    await k('wait', '--for=condition=ready', 'pod/db-0', '--timeout=30s')
    expect(
      await eventually(
        () => log('db-0'),
        (text) => text.split('\n').length === 4,
        'the third start',
      ),
    ).toBe('started by db-0\n'.repeat(3))
  })

  it('rolls an update from the last Pod to the first, and back by its revisions', async () => {
    await k('set', 'env', 'statefulset/db', 'LEVEL=2')
    await rolledOut()
    expect(await k('rollout', 'history', 'statefulset/db')).toMatch(/^1 .*\n2 .*$/m)
    await k('rollout', 'undo', 'statefulset/db')
    await rolledOut()
    expect(await k('get', 'pod', 'db-0', '-o', 'jsonpath={.spec.containers[0].env}')).toBe('')
  })

  it('grows a claim, and keeps one that is in use', async () => {
    await k('patch', 'pvc', 'data-db-0', '-p', '{"spec":{"resources":{"requests":{"storage":"9Gi"}}}}')
    await eventually(
      () => k('get', 'pvc', 'data-db-0', '-o', 'jsonpath={.status.capacity.storage}'),
      (size) => size === '9Gi',
      'the size of the claim',
    )
    await k('delete', 'pvc', 'data-db-1', '--wait=false')
    expect(await k('get', 'pvc', 'data-db-1')).toContain('Terminating')
  })

  it('leaves its claims when it is deleted, and volumes go with their claims', async () => {
    await k('delete', 'statefulset', 'db')
    await eventually(
      () => k('get', 'pvc', '-o', 'name'),
      (claims) => claims === 'persistentvolumeclaim/data-db-0\n',
      'the claim that was being deleted goes when its Pod has gone',
    )
    await k('delete', 'pvc', '--all')
    await eventually(
      () => k('get', 'pv', '-o', 'name'),
      (volumes) => volumes === '',
      'the volumes go',
    )
    await eventually(
      async () => volumeFolders(),
      (folders) => folders.length === 0,
      'their folders go',
    )
  })

  it('mounts a volume for one node on that node only, and says who has it', async () => {
    const pod = (name: string, node: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  nodeSelector: {kubernetes.io/hostname: ${node}}
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: knarr.local/host-node, command: [sleep, '1000'], volumeMounts: [{name: v, mountPath: /v}]}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: shared}}]
---`
    await sandbox.apply(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: shared}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---${pod('first', 'knarr-worker')}`)
    await k('wait', '--for=condition=ready', 'pod/first', '--timeout=30s')
    await sandbox.apply(pod('second', 'knarr-worker2'))
    await eventually(
      () => k('describe', 'pod', 'second'),
      (text) => /FailedAttachVolume.*Multi-Attach error for volume "pvc-.*" Volume is already used by pod\(s\) first/.test(text),
      'the reason',
    )
    await k('delete', 'pod', 'first')
    await k('wait', '--for=condition=ready', 'pod/second', '--timeout=30s')
  })
})

const jobs = `
apiVersion: batch/v1
kind: Job
metadata: {name: parts}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: knarr.local/host-node, command: [sh, -c, 'echo part $JOB_COMPLETION_INDEX']}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec:
  backoffLimit: 0
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: knarr.local/host-node, command: [sh, -c, 'exit 3']}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: '@every 1s'
  jobTemplate: {spec: {template: {spec: {restartPolicy: OnFailure, containers: [{name: c, image: knarr.local/host-node, command: [echo, hi]}]}}}}
`

describe.runIf(isRoot)('work that ends, and work on every node', { timeout: 90_000 }, () => {
  let sandbox: Sandbox
  let k: Sandbox['k']
  beforeAll(async () => {
    sandbox = createSandbox()
    k = sandbox.k
    await sandbox.knarr('up')
    await sandbox.apply(jobs)
  })
  afterAll(() => sandbox.remove())

  it('runs a Job to its end, each Pod with an index of its own', async () => {
    await k('wait', '--for=condition=complete', 'job/parts', '--timeout=30s')
    const lines = (await k('logs', '-l', 'job-name=parts')).split('\n').filter(Boolean)
    expect(lines.toSorted()).toEqual(['part 0', 'part 1', 'part 2'])
    expect(await k('get', 'job', 'parts')).toMatch(/parts +Complete +3\/3/)
  })

  it('gives up a Job beyond its limit', async () => {
    await k('wait', '--for=condition=failed', 'job/bad', '--timeout=30s')
    expect(await k('describe', 'job', 'bad')).toContain('BackoffLimitExceeded')
  })

  it('starts Jobs on a schedule, and one by hand', async () => {
    await eventually(
      () => k('get', 'cronjob', 'tick', '-o', 'jsonpath={.status.lastSuccessfulTime}'),
      (time) => time !== '',
      'a Job of the schedule succeeds',
    )
    await k('create', 'job', 'now', '--from=cronjob/tick')
    await k('wait', '--for=condition=complete', 'job/now', '--timeout=30s')
  })

  it('lets the Pods go with their Job', async () => {
    await k('delete', 'job', 'parts')
    await eventually(
      () => k('get', 'pods', '-l', 'job-name=parts', '-o', 'name'),
      (pods) => pods === '',
      'the Pods go',
    )
  })

  it('runs a daemon on every node that lets it, and rolls it', async () => {
    await sandbox.apply(`
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{operator: Exists}]
      containers: [{name: c, image: knarr.local/host-node, command: [sleep, '1000']}]
`)
    await k('rollout', 'status', 'daemonset/agent', '--timeout=30s')
    expect(await k('get', 'daemonset', 'agent', '--no-headers')).toMatch(/^agent +3 +3 +3 +3 +3 +<none>/)
    await k('set', 'env', 'daemonset/agent', 'LEVEL=2')
    await k('rollout', 'status', 'daemonset/agent', '--timeout=30s')
    await k('rollout', 'undo', 'daemonset/agent')
    await k('rollout', 'status', 'daemonset/agent', '--timeout=30s')
    expect(await k('rollout', 'history', 'daemonset/agent')).toMatch(/^2 .*\n3 .*$/m)
  })
})
