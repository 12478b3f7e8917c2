import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leases, namespaces, nodes, pods, serviceAccounts } from '../../base/api/kinds.ts'
import type { Kind } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import { reviewKinds } from '../../control/apiserver/reviews/index.ts'
import type { Cluster } from './cluster.ts'
import { createCluster } from './create-cluster.ts'

const deployment = (name: string, replicas = 2) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: web, image: web:1, readinessProbe: {httpGet: {port: 80}, initialDelaySeconds: 3, failureThreshold: 1}}]}
`
const tokenReviews = reviewKinds.find(({ kind }) => kind === 'TokenReview') as Kind<KubeObject & { readonly status?: { readonly authenticated?: boolean } }>
const startAt = '2031-05-06T07:08:09Z'

describe('a cluster of a test', () => {
  let cluster: Cluster
  beforeAll(async () => (cluster = await createCluster({ clock: { startAt } })))
  afterAll(() => cluster.close())
  const podOf = async (app: string) => (await cluster.client.list(pods, { namespace: 'default', labelSelector: `app=${app}` })).items[0]!

  it('has three ready nodes at the moment that it was told', async () => {
    const { items } = await cluster.client.list(nodes)
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['knarr-control-plane', 'knarr-worker', 'knarr-worker2'])
    expect(items.every(({ metadata }) => metadata.creationTimestamp === startAt)).toBe(true)
  })

  it('runs a Deployment, and lets as much time pass as its probes need', async () => {
    await cluster.apply(deployment('web'))
    const before = cluster.clock.now()
    await cluster.waitFor('deploy/web', { available: true })
    expect(cluster.clock.now() - before).toBeGreaterThanOrEqual(3000)
    expect((await cluster.events('pod/' + (await podOf('web')).metadata.name)).map(({ reason }) => reason)).toEqual(
      expect.arrayContaining(['Scheduled', 'Pulled', 'Created', 'Started']),
    )
  })

  it('keeps its leases while time passes, and stands still while it does not', async () => {
    const renewed = async () => (await cluster.client.get(leases, { namespace: 'kube-node-lease', name: 'knarr-worker' })).spec?.renewTime
    const [before, revision] = [await renewed(), (await cluster.client.list(pods)).metadata.resourceVersion]
    await cluster.settle()
    expect((await cluster.client.list(pods)).metadata.resourceVersion).toBe(revision)
    await cluster.clock.advance('30s')
    expect(Date.parse(String(await renewed())) - Date.parse(String(before))).toBe(30_000)
  })

  it('restarts a container that ended, after its back-off', async () => {
    const { name } = (await podOf('web')).metadata
    const restarts = async () => (await cluster.client.get(pods, { namespace: 'default', name })).status.containerStatuses?.[0]?.restartCount
    await cluster.simulate.exitContainer(`pod/${name}`, { exitCode: 1 })
    expect(await restarts()).toBe(1)
    await cluster.waitFor(`pod/${name}`, { ready: true })
    await cluster.simulate.exitContainer(`pod/${name}`, { exitCode: 1 })
    const { status } = await cluster.client.get(pods, { namespace: 'default', name })
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe('CrashLoopBackOff')
    await cluster.clock.advance('20s')
    expect(await restarts()).toBe(2)
  })

  it('takes a Pod with failing probes out of its Service, and back', async () => {
    const { name } = (await podOf('web')).metadata
    await cluster.waitFor(`pod/${name}`, { ready: true })
    await cluster.simulate.failProbes(`pod/${name}`)
    await cluster.waitFor(`pod/${name}`, { condition: 'Ready=False' })
    expect((await cluster.events(`pod/${name}`)).at(-1)).toMatchObject({
      reason: 'Unhealthy',
      message: 'Readiness probe failed: HTTP probe failed with statuscode: 503',
    })
    await cluster.simulate.recoverProbes(`pod/${name}`)
    await cluster.waitFor(`pod/${name}`, { ready: true })
  })

  it('lets a token expire by its own clock', async () => {
    const { status } = await cluster.client.createSubresource<{ status: { token: string } }>(
      serviceAccounts,
      { namespace: 'default', name: 'default' },
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 600 },
      },
    )
    const isAccepted = async () => {
      const review = { metadata: {}, spec: { token: status.token } }
      return (await cluster.client.create(tokenReviews, review as never)).status?.authenticated === true
    }
    expect(await isAccepted()).toBe(true)
    await cluster.clock.advance('11m')
    expect(await isAccepted()).toBe(false)
  })

  it('says what it saw when a wait fails', async () => {
    await cluster.apply(
      `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"big"},"spec":{"containers":[{"name":"a","image":"a","resources":{"requests":{"cpu":"64"}}}]}}`,
    )
    const failed = cluster.waitFor('pod/big', { ready: true }, { timeout: '30s' })
    await expect(failed).rejects.toThrow(
      /^pod\/big in namespace default did not become ready within 30s of the cluster's time\n {2}phase: Pending\n.*0\/3 nodes are available: 3 Insufficient cpu/,
    )
    await expect(cluster.waitFor('pod/none', { ready: true }, { timeout: '1s' })).rejects.toThrow('it is not there')
    await expect(cluster.waitFor('gizmo/a', { ready: true })).rejects.toThrow('serves no kind called "gizmo"')
  })

  it('reads files, folders, globs, lists and objects, and brings up what a new namespace needs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'knarr-manifests-'))
    try {
      const map = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`
      for (const name of ['a', 'b']) writeFileSync(join(folder, `${name}.yaml`), map(name))
      expect((await cluster.apply(folder)).map(({ metadata }) => metadata.name)).toEqual(['a', 'b'])
      expect(await cluster.apply(join(folder, '*.yaml'))).toHaveLength(2)
      expect(await cluster.apply(join(folder, 'a.yaml'), { namespace: 'kube-public' })).toMatchObject([{ metadata: { namespace: 'kube-public' } }])
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'fresh' }, spec: { containers: [{ name: 'a', image: 'a' }] } }
      await cluster.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fresh' } }, pod])
      await cluster.waitFor('pod/p', { ready: true }, { namespace: 'fresh' })
      await expect(cluster.apply(join(folder, 'none.yaml'))).rejects.toThrow('names no manifest')
      await expect(cluster.apply('a: 1\nb: [\n')).rejects.toThrow('no valid YAML')
      await expect(cluster.apply({ metadata: {} })).rejects.toThrow('without apiVersion and kind')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('waits until something is gone', async () => {
    await cluster.client.delete(namespaces, { name: 'fresh' })
    await cluster.waitFor('namespace/fresh', { deleted: true })
  })

  it('hands out objects that cannot be changed by accident', async () => {
    const pod = (await podOf('web')) as { metadata: { name: string } }
    expect(() => (pod.metadata.name = 'other')).toThrow(TypeError)
  })
})

describe('several clusters in one process', () => {
  it('know nothing of one another and leave nothing behind', async () => {
    const own = () => readdirSync(tmpdir()).filter((name) => name.startsWith('knarr-cluster-'))
    const before = new Set(own())
    const [one, two] = await Promise.all([createCluster({ nodes: 1 }), createCluster({ nodes: [{ name: 'big', cpu: 64, labels: { disk: 'ssd' } }] })])
    const added = own().filter((name) => !before.has(name))
    await one.apply(deployment('web'))
    await one.waitFor('deployment/web', { available: true })
    await one.clock.advance('1h')
    expect((await two.client.list(pods)).items).toEqual([])
    expect((await two.client.list(nodes)).items[0]).toMatchObject({ metadata: { name: 'big', labels: { disk: 'ssd' } }, status: { capacity: { cpu: '64' } } })
    await Promise.all([one.close(), two.close(), one.close()])
    expect(own().filter((name) => added.includes(name))).toEqual([])
  })

  it('live through the same history in the same order', async () => {
    const story = async () => {
      await using cluster = await createCluster({ clock: { startAt } })
      await cluster.apply(deployment('web', 4))
      await cluster.waitFor('deployment/web', { available: true })
      await cluster.simulate.failNode('knarr-worker')
      await cluster.clock.advance('7m')
      const told = await cluster.events()
      return told.map(({ lastTimestamp, reason, involvedObject }) => `${lastTimestamp} ${involvedObject.kind} ${reason}`).sort()
    }
    expect(await story()).toEqual(await story())
  })
})

describe('a cluster that others speak to', () => {
  it('is served to client libraries, with time that passes', async () => {
    await using cluster = await createCluster({ nodes: 1 })
    const config = new KubeConfig()
    config.loadFromString(await cluster.kubeconfig())
    const api = config.makeApiClient(CoreV1Api)
    await api.createNamespacedPod({ namespace: 'default', body: { metadata: { name: 'a' }, spec: { containers: [{ name: 'a', image: 'a' }] } } })
    await cluster.waitFor('pod/a', { ready: true })
    expect(await api.readNamespacedPodLog({ namespace: 'default', name: 'a' })).toBeFalsy()
    const before = cluster.clock.now()
    await cluster.clock.advance('10m')
    expect(cluster.clock.now() - before).toBeGreaterThanOrEqual(600_000)
    const file = await cluster.writeKubeconfig()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await cluster.close()
    expect(existsSync(dirname(file))).toBe(false)
    await expect(api.listNode()).rejects.toThrow()
  })
})

describe('refusals', () => {
  it.each([
    [{ nodes: -1 }, 'not a number of nodes'],
    [{ clock: { startAt: 'tomorrow' } }, 'no date'],
    [{ runtime: 'process', clock: 'virtual' }, "live on the machine's time"],
    [{ runtime: 'process', nodes: [{ cpu: 1 }] }, "this machine's size"],
  ] as const)('%j is refused', async (options, message) => {
    await expect(createCluster(options)).rejects.toThrow(message)
  })

  it('does not advance the machine', async () => {
    await using cluster = await createCluster({ clock: 'system', nodes: 1 })
    await expect(cluster.clock.advance('1s')).rejects.toThrow('cannot be advanced')
    await expect(cluster.simulate.failNode('nobody')).rejects.toThrow('there is no simulated node nobody: there are knarr-control-plane')
  })
})
