import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standIn } from './book-images.ts'
import { createSandbox, eventually, isRoot } from './harness.ts'

const image = 'registry.k8s.io/echoserver:1.4'

describe.skipIf(!isRoot)('looking around in a fresh cluster (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const onNode = async (pod: string) => k('get', 'pod', pod, '-o', 'jsonpath={.spec.nodeName}')
  const run = (name: string, spec: object) =>
    sandbox.apply(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image }], ...spec },
      }),
    )
  beforeAll(async () => {
    await sandbox.knarr('up')
    await standIn(sandbox, 'echoserver', image)
    await eventually(
      () => k('get', 'serviceaccount', 'default', '-o', 'name'),
      (text) => text !== '',
      'the ServiceAccount',
    )
  })
  afterAll(() => sandbox.remove())

  it('has a control plane, workers and Services from the start (claims 120, 122)', async () => {
    expect(await k('get', 'nodes')).toMatch(/knarr-control-plane +Ready +control-plane [^]*knarr-worker +Ready +<none> /)
    expect(await k('get', 'services', '-A')).toMatch(/default +kubernetes +ClusterIP [^]*kube-system +kube-dns +ClusterIP /)
  })

  it('shows its own parts as Pods of kube-system, on the control plane and labelled as such (claims 76, 77)', async () => {
    const rows = await eventually(
      () => k('-n', 'kube-system', 'get', 'pods', '-l', 'tier=control-plane', '-L', 'component', '-o', 'wide', '--no-headers'),
      (text) => (text.match(/1\/1 +Running/g) ?? []).length === 2,
      'both parts run',
    )
    for (const part of ['kube-apiserver', 'knarr-agent'])
      expect(rows).toMatch(new RegExp(`^${part}-knarr-control-plane +1/1 +Running +0 .* knarr-control-plane .* ${part}$`, 'm'))
  })

  it('reads the kubeconfig that is named, and without one that in the home folder (claims 118, 119)', async () => {
    const config = await k('config', 'view', '--raw', '--flatten')
    const home = join(dirname(sandbox.kubeconfig), 'reader')
    mkdirSync(join(home, '.kube'), { recursive: true })
    const file = join(home, '.kube', 'config')
    writeFileSync(file, config)
    const plain = (...args: string[]) => sandbox.run('env', ['-u', 'KUBECONFIG', ...args])
    expect((await plain('HOME=/nowhere', 'kubectl', '--kubeconfig', file, 'get', 'nodes', '-o', 'name')).stdout).toContain('node/knarr-worker\n')
    expect((await plain(`HOME=${home}`, 'kubectl', 'get', 'nodes', '-o', 'name')).stdout).toContain('node/knarr-worker\n')
    expect((await plain('HOME=/nowhere', 'kubectl', 'get', 'nodes')).code).toBe(1)
  })

  it('makes a Deployment with one Pod, whose steps are Events (claims 78, 79)', async () => {
    expect(await k('create', 'deployment', 'hello-node', `--image=${image}`)).toBe('deployment.apps/hello-node created\n')
    await k('rollout', 'status', 'deployment/hello-node', '--timeout=30s')
    expect(await k('get', 'deployments')).toMatch(/hello-node +1\/1 +1 +1 /)
    const events = await eventually(
      () => k('get', 'events', '--sort-by=.metadata.creationTimestamp'),
      (text) => text.includes('Started'),
      'the container is started',
    )
    for (const [reason, object, message] of [
      ['Scheduled', 'pod/hello-node-', 'Successfully assigned default/hello-node-'],
      ['Pulled', 'pod/hello-node-', `"${image}"`],
      ['Created', 'pod/hello-node-', ''],
      ['Started', 'pod/hello-node-', ''],
      ['SuccessfulCreate', 'replicaset/hello-node-', 'Created pod: hello-node-'],
      ['ScalingReplicaSet', 'deployment/hello-node', 'Scaled up replica set'],
    ] as const)
      expect(events).toMatch(new RegExp(`Normal +${reason} +${object}\\S* +.*${message}`))
  })

  it('shows one namespace, or all by either spelling, and more columns if asked (claims 67, 68)', async () => {
    expect(await k('get', 'services')).not.toContain('kube-dns')
    expect(await k('get', 'services', '-n', 'kube-system')).toContain('kube-dns')
    const all = await k('get', 'services', '-A', '--no-headers', '-o', 'name')
    expect(all).toContain('service/kube-dns')
    expect(await k('get', 'services', '--all-namespaces', '--no-headers', '-o', 'name')).toBe(all)
    const ip = await k('get', 'pods', '-l', 'app=hello-node', '-o', 'jsonpath={.items[0].status.podIP}')
    expect(await k('get', 'pods')).not.toContain(ip)
    expect(await k('get', 'pods', '-o', 'wide')).toMatch(new RegExp(`hello-node-\\S+ +1/1 +Running +0 +\\S+ +${ip.replaceAll('.', '\\.')} +knarr-worker2? `))
  })

  it('watches, sorts by a path, and filters by a field on the server (claim 69)', async () => {
    const watching = sandbox.start('kubectl', ['get', 'pods', '--watch'])
    let text = ''
    watching.stdout?.on('data', (part: Buffer) => (text += part))
    try {
      await eventually(
        async () => text,
        (seen) => seen.includes('hello-node'),
        'what is there',
      )
      await run('a-first', {})
      await run('z-last', { nodeSelector: { pool: 'none' } })
      await eventually(
        async () => text,
        (seen) => /a-first +0\/1 +Pending [^]*a-first +1\/1 +Running /.test(seen),
        'what changes',
      )
      expect(watching.exitCode).toBeNull()
    } finally {
      watching.kill('SIGINT')
    }
    const sorted = (await k('get', 'pods', '--sort-by=.metadata.name', '-o', 'name')).trim().split('\n')
    expect(sorted).toEqual([...sorted].sort())
    expect(sorted).toHaveLength(3)
    const running = await k('get', 'pods', '--field-selector=status.phase=Running', '-o', 'name')
    expect(running).toContain('a-first')
    expect(running).not.toContain('z-last')
    await k('delete', 'pod', 'a-first', 'z-last')
  })

  it('exposes a Deployment by a Service of the asked type and port that selects its Pods, and removes all by name (claims 80, 82)', async () => {
    await k('expose', 'deployment', 'hello-node', '--type=LoadBalancer', '--port=8080')
    const { type, ports, selector } = JSON.parse(await k('get', 'service', 'hello-node', '-o', 'jsonpath={.spec}'))
    expect({ type, port: ports[0].port, selector }).toEqual({ type: 'LoadBalancer', port: 8080, selector: { app: 'hello-node' } })
    const ip = await eventually(
      () => k('get', 'service', 'hello-node', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'),
      (value) => value !== '',
      'an address',
    )
    const answer = await eventually(
      () => sandbox.run('curl', ['-sS', '-m', '5', `http://${ip}:8080/some/path?a=b`]),
      ({ code }) => code === 0,
      'it answers',
    )
    expect(answer.stdout).toMatch(/CLIENT VALUES:[^]*real path=\/some\/path\?a=b\nquery=a=b\n/)
    await k('delete', 'service', 'hello-node')
    await k('delete', 'deployment', 'hello-node')
    await eventually(
      () => k('get', 'deployments,rs,pods,services', '-o', 'name'),
      (names) => names === 'service/kubernetes\n',
      'everything of it is gone',
    )
  })

  it('puts Pods into a pool by its label, and keeps them off a tainted one unless they tolerate it (claims 131, 132, 133)', async () => {
    await k('label', 'node', 'knarr-worker2', 'pool=memory')
    await run('in-pool', { nodeSelector: { pool: 'memory' } })
    await eventually(
      () => onNode('in-pool'),
      (node) => node === 'knarr-worker2',
      'it is in the pool',
    )
    await k('taint', 'nodes', 'knarr-worker2', 'only=some:NoSchedule')
    await run('kept-off', { nodeSelector: { pool: 'memory' } })
    await run('let-on', { nodeSelector: { pool: 'memory' }, tolerations: [{ key: 'only', value: 'some', effect: 'NoSchedule' }] })
    await eventually(
      () => onNode('let-on'),
      (node) => node === 'knarr-worker2',
      'it tolerates the taint',
    )
    const why = await eventually(
      () => k('describe', 'pod', 'kept-off'),
      (text) => text.includes('FailedScheduling'),
      'why it waits',
    )
    expect(why).toContain("0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 node(s) had untolerated taint(s).")
    await k('delete', 'pods', '--all')
    await k('taint', 'nodes', 'knarr-worker2', 'only-')
  })
})
