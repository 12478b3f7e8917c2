import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configMaps, events, leases, nodes, pods, services } from '../../base/api/kinds.ts'
import type { Pod } from '../../base/api/generated/types.ts'
import type { Draft } from '../../base/api/object.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { startKubelets, type Kubelets } from './start-kubelets.ts'
import { TestRuntime, testImages } from './test-runtime.ts'

let clock: FakeClock, client: FakeClient, runtime: TestRuntime, directory: string, abort: AbortController, kubelets: Kubelets

const start = async () => {
  abort = new AbortController()
  const starting = startKubelets({
    nodes: [{ name: 'node-1', roles: ['worker'], internalIP: '192.168.0.1', capacity: { cpu: 4, memoryBytes: 2 ** 33, pods: 110, ephemeralStorageBytes: 2 ** 33 } }],
    clientFor: () => client, sharedClient: client, runtimeFor: () => runtime, images: testImages,
    directory, clusterDNS: '10.96.0.10', clusterDomain: 'cluster.local', clock, log: process.env.DBG ? { ...silentLog, debug: console.log, warn: console.log, child() { return this } } : silentLog, signal: abort.signal,
  })
  await clock.advance(1000)
  kubelets = await starting
}

beforeEach(async () => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  runtime = new TestRuntime(clock)
  directory = await mkdtemp(join(tmpdir(), 'knarr-kubelet-'))
  await client.create(services, { metadata: { namespace: 'default', name: 'kubernetes' }, spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] } })
  await start()
})

afterEach(async () => {
  abort.abort()
  await kubelets.close()
  await rm(directory, { recursive: true, force: true })
})

const makePod = (spec: Draft<Pod['spec']>, name = 'web') =>
  client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name }, spec: { nodeName: 'node-1', restartPolicy: 'Always', ...spec } as Draft<Pod['spec']> })

const webPod = (name = 'web') => client.get(pods, { namespace: 'default', name })

/** File and stream work needs turns of the event loop that a fake clock does not give. */
const until = async (what: string, test: () => Promise<boolean> | boolean) => {
  for (let turn = 0; turn < 500; turn++) {
    if (await Promise.resolve(test()).then(Boolean, () => false)) return
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error(`never came true: ${what}`)
}

const reasons = async () => (await client.list(events)).items.filter((event) => event.involvedObject.kind === 'Pod').map((event) => `${event.reason}: ${event.message}`)

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

describe('a Pod', () => {
  it('runs with its variables and volumes, restarts with back-off, and goes', async () => {
    await client.create(configMaps, { metadata: { namespace: 'default', name: 'settings' }, data: { color: 'blue' } })
    await makePod({
      containers: [{
        name: 'app', image: 'app', resources: {}, args: ['--color=$(COLOR)'],
        env: [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } }, { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        volumeMounts: [{ name: 'settings', mountPath: '/etc/settings' }],
      }],
      volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
    })
    await until('Running', async () => (await webPod()).status.phase === 'Running')
    const { config } = runtime.latest('app') ?? { config: undefined }
    expect(config?.argv).toEqual(['/app', '--color=blue'])
    expect(Object.fromEntries(config?.env ?? [])).toMatchObject({ LANG: 'C', COLOR: 'blue', HOSTNAME: 'web', KUBERNETES_SERVICE_HOST: '10.96.0.1', IP: '10.1.0.1' })
    const mount = config?.mounts.find((one) => one.containerPath === '/etc/settings')
    expect(await readFile(join(mount?.hostPath ?? '', 'color'), 'utf8')).toBe('blue')
    expect(await readFile(config?.mounts.find((one) => one.containerPath === '/etc/hosts')?.hostPath ?? '', 'utf8')).toContain('10.1.0.1\tweb')
    const { status } = await webPod()
    expect(status).toMatchObject({ podIP: '10.1.0.1', hostIP: '192.168.0.1', qosClass: 'BestEffort' })
    expect(Object.fromEntries((status.conditions ?? []).map((condition) => [condition.type, condition.status]))).toEqual({
      PodReadyToStartContainers: 'True', Initialized: 'True', Ready: 'True', ContainersReady: 'True', PodScheduled: 'True',
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
    await until('gone', () => webPod().then(() => false, () => true))
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
    await makePod({ restartPolicy: 'Never', initContainers: [{ name: 'one', image: 'app', resources: {} }, { name: 'two', image: 'app', resources: {} }], containers: [{ name: 'app', image: 'app', resources: {} }] })
    for (const name of ['one', 'two', 'app']) {
      await until(`${name} runs`, () => runtime.latest(name)?.state === 'running')
      if (name === 'one') expect((await webPod()).status.containerStatuses?.[0]?.state.waiting?.reason ?? 'PodInitializing').toBe('PodInitializing')
      runtime.end(runtime.latest(name)?.id ?? '', 0)
    }
    await until('Succeeded', async () => (await webPod()).status.phase === 'Succeeded')
    await until('its network is released', () => [...runtime.sandboxes.values()].every((sandbox) => sandbox.state === 'notready'))
  })

  it('that does not fit is refused', async () => {
    await makePod({ containers: [{ name: 'app', image: 'app', resources: { requests: { cpu: '5' } } }] })
    await until('Failed', async () => (await webPod()).status.phase === 'Failed')
    expect((await webPod()).status).toMatchObject({ reason: 'OutOfcpu', message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000" })
  })

  it('is adopted by the next agent, whose own memory is empty', async () => {
    await makePod({ containers: [{ name: 'app', image: 'app', resources: {} }] })
    await until('Running', async () => (await webPod()).status.phase === 'Running')
    abort.abort()
    await kubelets.close()
    const { id } = runtime.latest('app') ?? { id: '' }
    client.writes.length = 0
    await start()
    await clock.advance(1_000)
    expect(runtime.latest('app')).toMatchObject({ id, state: 'running' })
    expect(client.writes.filter((write) => write.includes('pods'))).toEqual([])
  })
})
