import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWebImage, createSandbox, eventually, isRoot } from './harness.ts'

describe.skipIf(!isRoot)('workloads under the real kubectl (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  beforeAll(async () => {
    await sandbox.knarr('up')
    await buildWebImage(sandbox)
  })
  afterAll(() => sandbox.remove())

  it('creates a Deployment from the command line (a protobuf body) and rolls it out', async () => {
    expect(await k('create', 'deployment', 'web', '--image=web:dev', '--replicas=2', '--port=8080')).toBe('deployment.apps/web created\n')
    await k(
      'patch',
      'deployment',
      'web',
      '--type=json',
      '-p',
      '[{"op":"add","path":"/spec/template/spec/containers/0/imagePullPolicy","value":"IfNotPresent"}]',
    )
    expect(await k('rollout', 'status', 'deployment/web', '--timeout=60s')).toContain('successfully rolled out')
    expect(await k('get', 'deployment', 'web')).toMatch(/NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s/)
  })

  it("runs its Pods on the workers, as the image's user, with their own name and address", async () => {
    const wide = await k('get', 'pods', '-l', 'app=web', '-o', 'wide')
    expect(wide).toMatch(/NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES/)
    expect(wide).not.toContain('control-plane')
    const [pod = ''] = (await k('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n')
    expect((await k('exec', pod, '--', 'hostname')).trim()).toBe(pod.replace('pod/', ''))
    expect((await k('exec', pod, '--', 'id', '-u')).trim()).toBe('1000')
    const refused = await sandbox.kubectl('exec', pod, '--', 'sh', '-c', 'exit 7')
    expect(refused.code).toBe(7)
  })

  it('gives a terminal whose shell has job control, and its exit code', async () => {
    const answer = await sandbox.run('script', ['-qec', 'kubectl exec -it deployment/web -- sh', '/dev/null'], 'echo $((6*7))\nexit 9\n')
    expect(answer.stdout).toContain('42')
    expect(answer.stdout).not.toContain('tty process group')
    expect(answer.code).toBe(9)
  })

  it('shows logs, of one Pod and by label', async () => {
    expect(await k('logs', 'deployment/web')).toContain('listening on 8080')
    expect((await k('logs', '-l', 'app=web', '--tail=1')).match(/listening/g)).toHaveLength(2)
  })

  it('scales, updates and rolls back (claim 152)', async () => {
    await k('scale', 'deployment/web', '--replicas=3')
    await k('rollout', 'status', 'deployment/web', '--timeout=60s')
    await k('set', 'env', 'deployment/web', 'COLOR=blue')
    await k('rollout', 'status', 'deployment/web', '--timeout=60s')
    expect(await k('rollout', 'history', 'deployment/web')).toMatch(/REVISION/)
    await k('rollout', 'undo', 'deployment/web')
    await k('rollout', 'status', 'deployment/web', '--timeout=60s')
    expect(await k('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].env}')).toBe('')
  })

  it("tells of a crash in upstream's words", async () => {
    await k('run', 'crash', '--image=web:dev', '--image-pull-policy=IfNotPresent', '--command', '--', 'sh', '-c', 'echo oh no; exit 3')
    await eventually(
      () => k('get', 'pod', 'crash'),
      (text) => text.includes('CrashLoopBackOff'),
      'CrashLoopBackOff',
    )
    expect(await k('get', 'pod', 'crash', '-o', 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}')).toBe('3')
    expect(await k('logs', 'crash', '--previous')).toBe('oh no\n')
    expect(await k('describe', 'pod', 'crash')).toMatch(/Warning +BackOff .*kubelet +Back-off restarting failed container/i)
    await k('delete', 'pod', 'crash', '--grace-period=1')
  })

  it('explains why a Pod stays pending (claim 127)', async () => {
    await sandbox.apply(
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"big"},"spec":{"containers":[{"name":"a","image":"web:dev","resources":{"requests":{"cpu":"1k"}}}]}}',
    )
    const text = await eventually(
      () => k('describe', 'pod', 'big'),
      (description) => description.includes('FailedScheduling'),
      'FailedScheduling',
    )
    expect(text).toContain('0/3 nodes are available:')
    expect(text).toContain('2 Insufficient cpu')
    await k('delete', 'pod', 'big')
  })

  it('reaches configuration by env, envFrom and volumes', async () => {
    await k('create', 'configmap', 'settings', '--from-literal=GREETING=hello')
    await k('create', 'secret', 'generic', 'keys', '--from-literal=KEY=s3cret')
    await sandbox.apply(`
apiVersion: v1
kind: Pod
metadata: {name: configured}
spec:
  restartPolicy: Never
  containers:
  - name: main
    image: web:dev
    command: [sh, -c, 'echo "$GREETING $KEY $(cat /etc/settings/GREETING) $POD $(ls /var/run/secrets/kubernetes.io/serviceaccount | tr "\\n" " ")"; touch /scratch/x && ls /scratch']
    envFrom: [{configMapRef: {name: settings}}]
    env:
    - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: KEY}}}
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    volumeMounts: [{name: settings, mountPath: /etc/settings}, {name: scratch, mountPath: /scratch}]
  volumes: [{name: settings, configMap: {name: settings}}, {name: scratch, emptyDir: {}}]
`)
    await eventually(
      () => k('get', 'pod', 'configured', '-o', 'jsonpath={.status.phase}'),
      (phase) => phase === 'Succeeded',
      'the Pod ends',
    )
    expect(await k('logs', 'configured')).toBe('hello s3cret hello configured ca.crt namespace token \nx\n')
  })

  it('deletes what an owner owned, and a namespace with its content', async () => {
    await k('delete', 'deployment', 'web')
    await eventually(
      () => k('get', 'pods,rs', '-l', 'app=web', '-o', 'name'),
      (names) => names === '',
      'ReplicaSets and Pods are gone',
    )
    await k('create', 'namespace', 'shop')
    await k('-n', 'shop', 'create', 'configmap', 'a', '--from-literal=x=y')
    await k('delete', 'namespace', 'shop', '--timeout=30s')
    expect((await sandbox.kubectl('get', 'namespace', 'shop')).stderr).toBe('Error from server (NotFound): namespaces "shop" not found\n')
  })

  it("validates on the server and refuses in upstream's words", async () => {
    const typo = await sandbox.run(
      'kubectl',
      ['apply', '-f', '-'],
      '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x"},"spec":{"replica":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}',
    )
    expect(typo.code).toBe(1)
    expect(typo.stderr).toContain('unknown field "spec.replica"')
    const invalid = await sandbox.kubectl('create', 'configmap', 'Bad_Name')
    expect(invalid.stderr).toContain('Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of')
  })
})
