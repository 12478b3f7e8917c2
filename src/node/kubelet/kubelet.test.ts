import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configMaps, events, leases, nodes, pods } from '../../base/api/kinds.ts'
import { TestCluster, testNode, until } from './test-cluster.ts'

let cluster: TestCluster
let clock: TestCluster['clock'], client: TestCluster['client'], runtime: TestCluster['runtime']

beforeEach(async () => {
  cluster = await TestCluster.start()
  ;({ clock, client, runtime } = cluster)
})

afterEach(() => cluster.close())

const makePod: TestCluster['makePod'] = (spec, name) => cluster.makePod(spec, name)
const webPod = (name = 'web') => cluster.pod(name)

const reasons = async () =>
  (await client.list(events)).items.filter((event) => event.involvedObject.kind === 'Pod').map((event) => `${event.reason}: ${event.message}`)

describe('a node', () => {
  it('registers, posts Ready and holds a lease', async () => {
    const node = await client.get(nodes, { name: 'node-1' })
    expect(node.metadata.labels).toMatchObject({ 'kubernetes.io/hostname': 'node-1', 'kubernetes.io/os': 'linux' })
    expect(node.status.conditions?.at(-1)).toMatchObject({ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' })
    const before = (await client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' })).spec.renewTime
    await clock.advance(11_000)
    expect((await client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' })).spec.renewTime).not.toBe(before)
  })

  it('writes nothing but the lease while idle, and registers again when deleted', async () => {
    await clock.advance(5_000)
    client.writes.length = 0
    await clock.advance(60_000)
    expect(client.writes.filter((write) => !write.includes('leases'))).toEqual([])
    await client.delete(nodes, { name: 'node-1' })
    await until('the node is back', async () => Boolean(await client.get(nodes, { name: 'node-1' })))
  })
})

describe('a node that a controller declared silent', () => {
  it('says that it is Ready as soon as it hears of it', async () => {
    const conditions = async () => (await client.get(nodes, { name: 'node-1' })).status.conditions ?? []
    const silent = (await conditions()).map((condition) => ({ ...condition, status: 'Unknown', reason: 'NodeStatusUnknown' }))
    await client.patch(nodes, { name: 'node-1' }, { status: { conditions: silent } }, { type: 'merge', subresource: 'status' })
    await until('Ready again', async () => (await conditions()).at(-1)?.status === 'True')
  })
})

describe('a Pod', () => {
  it('runs with its variables and volumes, restarts with back-off, and goes', async () => {
    await client.create(configMaps, { metadata: { namespace: 'default', name: 'settings' }, data: { color: 'blue' } })
    await makePod({
      containers: [
        {
          name: 'app',
          image: 'app',
          resources: {},
          args: ['--color=$(COLOR)'],
          env: [
            { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
          volumeMounts: [{ name: 'settings', mountPath: '/etc/settings' }],
        },
      ],
      volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
    })
    await until('Running', async () => (await webPod()).status.phase === 'Running')
    const { config } = runtime.latest('app') ?? { config: undefined }
    expect(config?.argv).toEqual(['/app', '--color=blue'])
    expect(Object.fromEntries(config?.env ?? [])).toMatchObject({
      LANG: 'C',
      COLOR: 'blue',
      HOSTNAME: 'web',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      IP: '10.1.0.1',
    })
    const mount = config?.mounts.find((one) => one.containerPath === '/etc/settings')
    expect(await readFile(join(mount?.hostPath ?? '', 'color'), 'utf8')).toBe('blue')
    expect(await readFile(config?.mounts.find((one) => one.containerPath === '/etc/hosts')?.hostPath ?? '', 'utf8')).toContain('10.1.0.1\tweb')
    const { status } = await webPod()
    expect(status).toMatchObject({ podIP: '10.1.0.1', hostIP: '192.168.0.1', qosClass: 'BestEffort' })
    expect(Object.fromEntries((status.conditions ?? []).map((condition) => [condition.type, condition.status]))).toEqual({
      PodReadyToStartContainers: 'True',
      Initialized: 'True',
      Ready: 'True',
      ContainersReady: 'True',
      PodScheduled: 'True',
    })

    await client.patch(configMaps, { namespace: 'default', name: 'settings' }, { data: { color: 'green' } }, { type: 'merge' })
    await until('the volume follows', async () => (await readFile(join(mount?.hostPath ?? '', 'color'), 'utf8')) === 'green')

    runtime.end(runtime.latest('app')?.id ?? '', 1)
    await until('restarted once at once', async () => (await webPod()).status.containerStatuses?.[0]?.restartCount === 1)
    runtime.end(runtime.latest('app')?.id ?? '', 1)
    await until('backs off', async () => (await webPod()).status.containerStatuses?.[0]?.state.waiting?.reason === 'CrashLoopBackOff')
    const waiting = (await webPod()).status.containerStatuses?.[0]?.state.waiting
    expect(waiting?.message).toMatch(/^back-off 10s restarting failed container=app pod=web_default\(.*\)$/)
    await clock.advance(10_000)
    await until('restarted after the back-off', async () => (await webPod()).status.containerStatuses?.[0]?.restartCount === 2)

    await client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 5 })
    await until('gone', () =>
      webPod().then(
        () => false,
        () => true,
      ),
    )
    await until('cleaned up', () => runtime.sandboxes.size === 0 && runtime.containers.size === 0)
    expect(runtime.stops).toEqual([{ name: 'app', graceSeconds: 5 }])
    expect(await reasons()).toEqual(expect.arrayContaining(['Created: Container created', 'Started: Container started', 'Killing: Stopping container app']))
  })

  it('without an image says so, and without a ConfigMap waits for it', async () => {
    await makePod({ containers: [{ name: 'app', image: 'nginx', resources: {} }] })
    await until('ErrImagePull', async () => (await webPod()).status.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull')
    expect(await reasons()).toContain('Failed: Failed to pull image "nginx": no route to its registry, and no image of that name is here (knarr image ls)')
    await makePod({ containers: [{ name: 'app', image: 'mapped', resources: {}, envFrom: [{ configMapRef: { name: 'late' } }] }] }, 'late')
    await until('config error', async () => (await webPod('late')).status.containerStatuses?.[0]?.state.waiting?.reason === 'CreateContainerConfigError')
    expect((await webPod('late')).status.containerStatuses?.[0]?.state.waiting?.message).toBe('configmap "late" not found')
    await client.create(configMaps, { metadata: { namespace: 'default', name: 'late' }, data: { A: '1' } })
    await until('Running', async () => (await webPod('late')).status.phase === 'Running')
  })

  it('runs init containers in order and ends as Succeeded', async () => {
    await makePod({
      restartPolicy: 'Never',
      initContainers: [
        { name: 'one', image: 'app', resources: {} },
        { name: 'two', image: 'app', resources: {} },
      ],
      containers: [{ name: 'app', image: 'app', resources: {} }],
    })
    await until('one runs', () => runtime.latest('one')?.state === 'running')
    expect((await webPod()).status.containerStatuses?.[0]?.state.waiting?.reason ?? 'PodInitializing').toBe('PodInitializing')
    for (const name of ['one', 'two', 'app']) {
      await until(`${name} runs`, () => runtime.latest(name)?.state === 'running')
      runtime.end(runtime.latest(name)?.id ?? '', 0)
    }
    await until('Succeeded', async () => (await webPod()).status.phase === 'Succeeded')
    await until('its network is released', () => [...runtime.sandboxes.values()].every((sandbox) => sandbox.state === 'notready'))
  })

  it('that does not fit is refused', async () => {
    await makePod({ containers: [{ name: 'app', image: 'app', resources: { requests: { cpu: '5' } } }] })
    await until('Failed', async () => (await webPod()).status.phase === 'Failed')
    expect((await webPod()).status).toMatchObject({
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000",
    })
  })

  it('is adopted by the next agent, whose own memory is empty', async () => {
    await makePod({ containers: [{ name: 'app', image: 'app', resources: {} }] })
    await until('Running', async () => (await webPod()).status.phase === 'Running')
    await cluster.stopAgent()
    const { id } = runtime.latest('app') ?? { id: '' }
    client.writes.length = 0
    await cluster.startAgent()
    await clock.advance(1_000)
    expect(runtime.latest('app')).toMatchObject({ id, state: 'running' })
    expect(client.writes.filter((write) => write.includes('pods'))).toEqual([])
  })
})

describe('nodes that are switched on and off', () => {
  const names = () => cluster.kubelets.kubelets.map((kubelet) => kubelet.context.config.name)
  const follow = async (running: readonly string[], stopped: readonly string[] = []) => {
    const following = cluster.kubelets.follow({ running: running.map(testNode), stopped })
    await clock.advance(1000)
    await following
  }

  it('lets a stopped node fall silent with its containers dead, and starts its Pods again with it', async () => {
    await follow(['node-1', 'node-2'])
    await makePod({ nodeName: 'node-2', containers: [{ name: 'app', image: 'app', resources: {} }] })
    await until('Running', async () => (await webPod()).status.phase === 'Running')
    const before = await webPod()

    await follow(['node-1'], ['node-2'])
    expect(names()).toEqual(['node-1'])
    expect(runtime.latest('app')?.state).toBe('exited')
    client.writes.length = 0
    await clock.advance(60_000)
    expect(client.writes.filter((write) => write.includes('node-2') || write.includes('web'))).toEqual([])
    expect(await webPod()).toEqual(before)

    await follow(['node-1', 'node-2'])
    await until('restarted', async () => (await webPod()).status.containerStatuses?.[0]?.restartCount === 1)
    expect((await webPod()).status.phase).toBe('Running')
    expect(runtime.latest('app')?.state).toBe('running')
  })

  it('kills what a stopped node had left when the agent itself died first', async () => {
    await makePod({ containers: [{ name: 'app', image: 'app', resources: {} }] })
    await until('Running', async () => (await webPod()).status.phase === 'Running')
    await follow(['node-2'], ['node-1'])
    await follow(['node-2'], ['node-1'])
    expect(runtime.latest('app')?.state).toBe('exited')
    expect(runtime.sandboxes.size).toBe(1)
  })

  it('forgets a node that is gone, with all that ran on it', async () => {
    await makePod({ containers: [{ name: 'app', image: 'app', resources: {} }] })
    await until('Running', async () => (await webPod()).status.phase === 'Running')
    await follow(['node-2'])
    expect([runtime.sandboxes.size, runtime.containers.size]).toEqual([0, 0])
    await client.delete(nodes, { name: 'node-1' })
    await clock.advance(60_000)
    await expect(client.get(nodes, { name: 'node-1' })).rejects.toThrow()
  })
})
