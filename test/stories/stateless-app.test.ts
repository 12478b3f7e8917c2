import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { standIn } from './book-images.ts'
import { createSandbox, eventually, isRoot } from './harness.ts'

const image = 'eon01/stateless-flask:v0'
const app = `
apiVersion: v1
kind: Namespace
metadata: {name: stateless-flask}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: stateless-flask, namespace: stateless-flask}
spec:
  replicas: 3
  selector: {matchLabels: {app: stateless-flask}}
  template:
    metadata: {labels: {app: stateless-flask}}
    spec: {containers: [{name: stateless-flask, image: '${image}', ports: [{containerPort: 5000}]}]}
`

describe.skipIf(!isRoot)('a stateless application of three Pods (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const n = (...args: string[]) => k('-n', 'stateless-flask', ...args)
  const curl = async (...args: string[]) => (await sandbox.run('curl', ['-sS', '-m', '5', ...args])).stdout
  const names = async () => (await n('get', 'pods', '-l', 'app=stateless-flask', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ').sort()
  const threeReady = () =>
    eventually(
      () => n('get', 'deployment', 'stateless-flask', '-o', 'jsonpath={.status.readyReplicas}/{.status.replicas}'),
      (text) => text === '3/3',
      'three Pods are ready',
    )
  beforeAll(async () => {
    await sandbox.knarr('up')
    await standIn(sandbox, 'stateless-flask', image)
    await sandbox.apply(app)
    await n('rollout', 'status', 'deployment/stateless-flask', '--timeout=60s')
  })
  afterAll(() => sandbox.remove())

  it('keeps the number of its Pods by a ReplicaSet: one that is deleted is made anew (claims 125, 147)', async () => {
    const [first = '', ...others] = await names()
    expect(await n('get', 'rs', '-o', 'jsonpath={.items[*].metadata.ownerReferences[0].kind} {.items[*].status.readyReplicas}')).toBe('Deployment 3')
    await n('delete', 'pod', first)
    await threeReady()
    const now = await names()
    expect(now).not.toContain(first)
    expect(now).toEqual(expect.arrayContaining(others))
  })

  it('counts only Pods whose labels match, and refuses a template whose labels do not (claim 150)', async () => {
    const [stranger = ''] = await names()
    await n('label', 'pod', stranger, 'app=other', '--overwrite')
    await threeReady()
    expect(await names()).not.toContain(stranger)
    expect(await n('get', 'pod', stranger, '-o', 'jsonpath={.metadata.ownerReferences}')).toBe('')
    await n('delete', 'pod', stranger, '--grace-period=1')
    const mismatch = app.replace('labels: {app: stateless-flask}', 'labels: {app: other}').replaceAll('name: stateless-flask,', 'name: mismatch,')
    const answer = await sandbox.run('kubectl', ['apply', '-f', '-'], mismatch)
    expect(answer.code).toBe(1)
    expect(answer.stderr).toContain('`selector` does not match template `labels`')
  })

  it('spreads its Pods over the workers, and not over the control plane (claim 151)', async () => {
    const nodes = (await n('get', 'pods', '-o', 'jsonpath={.items[*].spec.nodeName}')).split(' ')
    expect(new Set(nodes)).toEqual(new Set(['knarr-worker', 'knarr-worker2']))
  })

  it('shows status, configuration and at the end the Events of Pod, Deployment and node (claims 154, 155)', async () => {
    const [pod = ''] = await names()
    const kinds: [kind: string, name: string, event: RegExp][] = [
      ['pod', pod, /Events:\n[^]*Normal +Scheduled .*\n[^]*Normal +Created .*\n[^]*Normal +Started .*\n$/],
      ['deployment', 'stateless-flask', /Events:\n[^]*Normal +ScalingReplicaSet .* from 0 to 3\n$/],
    ]
    for (const [kind, name, event] of kinds) {
      const text = await n('describe', kind, name)
      expect(text).toMatch(new RegExp(`^Name: +${name}\\nNamespace: +stateless-flask\\n`))
      expect(text).toContain(`Image:`)
      expect(text).toMatch(event)
    }
    expect(await k('describe', 'node', 'knarr-worker')).toMatch(/Events:\n[^]*Normal +Starting /)
  })

  it('prints the logs of one Pod or of all with a label, and follows both (claim 156)', async () => {
    const [pod = ''] = await names()
    expect((await n('logs', pod)).match(/Running on/g)).toHaveLength(1)
    expect((await n('logs', '-l', 'app=stateless-flask')).match(/Running on/g)).toHaveLength(3)
    const ips = (await n('get', 'pods', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ')
    for (const [what, count] of [
      [[pod], 1],
      [['-l', 'app=stateless-flask'], 3],
    ] as const) {
      const following = sandbox.start('kubectl', ['-n', 'stateless-flask', 'logs', ...what, '-f'])
      let text = ''
      following.stdout?.on('data', (part: Buffer) => (text += part))
      const mark = `/tasks?mark=${count} `
      try {
        await eventually(
          async () => text,
          (seen) => seen.split('Running on').length === count + 1,
          'what was said before',
        )
        for (const ip of ips) await curl(`http://${ip}:5000${mark.trim()}`)
        await eventually(
          async () => text,
          (seen) => seen.split(mark).length === count + 1,
          'new lines appear',
        )
        expect(following.exitCode).toBeNull()
      } finally {
        following.kill('SIGINT')
      }
    }
  })

  it('is reached from outside by a forwarded port, of a Pod named by the second line of the table (claims 157, 158, 164)', async () => {
    await n('expose', 'deployment', 'stateless-flask', '--port=5000')
    const [, second = ''] = (await n('get', 'pods')).split('\n')
    const pod = second.split(/\s+/)[0] ?? ''
    expect(await names()).toContain(pod)
    for (const target of [pod, 'svc/stateless-flask']) {
      const forwarding = sandbox.start('kubectl', ['-n', 'stateless-flask', 'port-forward', target, ':5000'])
      let text = ''
      forwarding.stdout?.on('data', (part: Buffer) => (text += part))
      try {
        const [, port = ''] = await eventually(
          async () => /Forwarding from 127\.0\.0\.1:(\d+) -> 5000/.exec(text) ?? [],
          (match) => match.length > 0,
          'a port',
        )
        expect(JSON.parse(await curl(`http://127.0.0.1:${port}/tasks`))).toEqual({ tasks: [] })
      } finally {
        forwarding.kill('SIGINT')
      }
    }
  })

  it('forgets what it held in memory when its container has ended (claim 142)', async () => {
    await k('run', 'todo', `--image=${image}`)
    await k('wait', 'pod/todo', '--for=condition=Ready', '--timeout=30s')
    const url = `http://${await k('get', 'pod', 'todo', '-o', 'jsonpath={.status.podIP}')}:5000/tasks`
    const post = (title: string) => curl('-H', 'Content-Type: application/json', '-d', JSON.stringify({ title, description: 'd' }), url)
    const get = async () => JSON.parse(await curl('--retry', '5', '--retry-connrefused', url)) as unknown
    await eventually(get, () => true, 'it answers')
    expect(JSON.parse(await post('one'))).toEqual({ id: 1, title: 'one', description: 'd' })
    expect(JSON.parse(await post('two'))).toMatchObject({ id: 2 })
    expect(await get()).toMatchObject({ tasks: [{ id: 1 }, { id: 2 }] })
    await k('exec', 'todo', '--', 'kill', '1')
    await eventually(
      () => k('get', 'pod', 'todo', '-o', 'jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}'),
      (text) => text === '1 true',
      'its container runs again',
    )
    expect(await eventually(get, () => true, 'it answers again')).toEqual({ tasks: [] })
  })

  it('has containers that share address and node, are made together and go together (claims 148, 149)', async () => {
    await sandbox.apply(`
apiVersion: v1
kind: Pod
metadata: {name: pair}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: app, image: '${image}'}
  - {name: side, image: knarr.local/host, command: [sleep, infinity]}
`)
    await k('wait', 'pod/pair', '--for=condition=Ready', '--timeout=30s')
    const fetched = await eventually(
      () => sandbox.kubectl('exec', 'pair', '-c', 'side', '--', 'curl', '-sS', 'http://localhost:5000/tasks'),
      ({ code }) => code === 0,
      'the neighbour answers on localhost',
    )
    expect(JSON.parse(fetched.stdout)).toEqual({ tasks: [] })
    const address = async (container: string) => (await k('exec', 'pair', '-c', container, '--', 'hostname', '-i')).trim()
    expect(await address('side')).toBe(await k('get', 'pod', 'pair', '-o', 'jsonpath={.status.podIP}'))
    expect(await address('app')).toBe(await address('side'))
    await k('delete', 'pod', 'pair')
    expect((await sandbox.kubectl('exec', 'pair', '-c', 'side', '--', 'true')).stderr).toContain('pods "pair" not found')
  })

  it('may have the name that another has in another namespace; volumes have none (claims 144, 146)', async () => {
    await k('create', 'deployment', 'stateless-flask', `--image=${image}`)
    expect(await k('get', 'deployments', '-A')).toMatch(/default +stateless-flask [^]*stateless-flask +stateless-flask /)
    await k('delete', 'deployment', 'stateless-flask')
    await threeReady()
    const wide = await k('api-resources', '--namespaced=false', '-o', 'name')
    expect(wide.split('\n')).toContain('persistentvolumes')
    expect(wide.split('\n')).not.toContain('persistentvolumeclaims')
  })
})
