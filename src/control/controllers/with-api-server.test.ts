import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configMaps, deployments, endpointSlices, events, namespaces, nodes, pods, replicaSets, serviceAccounts, services } from '../../base/api/kinds.ts'
import type { Client } from '../../base/client/client.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { systemClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import { startTestServer, type TestServer } from '../apiserver/testing/test-server.ts'
import { startControllers } from './index.ts'

const web = { namespace: 'shop', name: 'web' }

describe('the controllers on the real API server', () => {
  let api: TestServer
  let client: Client
  let abort: AbortController
  let ended: Promise<void>

  beforeEach(async () => {
    api = await startTestServer()
    client = api.client
    abort = new AbortController()
    const clientFor = (name: string) =>
      api.server.loopbackClient({ name, groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'] })
    ended = startControllers({
      clientFor,
      clock: systemClock,
      log: silentLog,
      signal: abort.signal,
      rootCA: 'PEM',
      clusterCIDR: '10.42.0.0/16',
      loadBalancerRange: '10.44.0.0/24',
    })
    await client.create(namespaces, { metadata: { name: 'shop' } })
    await eventually(() => client.get(serviceAccounts, { namespace: 'shop', name: 'default' }))
    await eventually(() => client.get(configMaps, { namespace: 'shop', name: 'kube-root-ca.crt' }))
  })
  afterEach(async () => {
    abort.abort()
    await ended
    await api.stop()
  })

  const template = (image: string) => ({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'web', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
  })
  const begin = async () => {
    await client.create(nodes, { metadata: { name: 'n1' } })
    await client.create(services, { metadata: web, spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] } })
    await client.create(deployments, { metadata: web, spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template('web:1') } })
    return runPods(client)
  }

  it('bring a Deployment behind its Service up, roll it out, and take all of it away again', async () => {
    await begin()
    await eventually(async () =>
      expect((await client.get(deployments, web)).status).toMatchObject({ availableReplicas: 2, updatedReplicas: 2, observedGeneration: 1 }),
    )
    await eventually(async () => expect((await client.get(services, web)).status.loadBalancer.ingress).toMatchObject([{ ip: '10.44.0.1' }]))
    expect((await client.get(nodes, { name: 'n1' })).spec.podCIDR).toBe('10.42.0.0/24')
    await client.patch(deployments, web, { spec: { template: template('web:2') } }, { type: 'strategic' })
    await eventually(async () =>
      expect((await client.get(deployments, web)).status.conditions?.find(({ type }) => type === 'Progressing')?.message).toMatch(
        /has successfully progressed/,
      ),
    )
    await eventually(async () => expect((await client.list(replicaSets, { namespace: 'shop' })).items.map((rs) => rs.spec.replicas).sort()).toEqual([0, 2]))
    await eventually(async () => {
      const [slice] = (await client.list(endpointSlices, { namespace: 'shop' })).items
      expect(slice?.endpoints?.filter((endpoint) => endpoint.conditions.ready)).toHaveLength(2)
    })
    expect((await client.get(deployments, web)).metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' })
    await eventually(async () =>
      expect((await client.list(events, { namespace: 'shop' })).items.map(({ reason }) => reason)).toEqual(
        expect.arrayContaining(['ScalingReplicaSet', 'SuccessfulCreate', 'SuccessfulDelete']),
      ),
    )
    await client.delete(deployments, web, { propagationPolicy: 'Foreground' })
    await eventually(async () => expect((await client.list(pods)).items).toEqual([]))
    await eventually(() => gone(client.get(deployments, web)))
  })

  it('come to rest: nothing is written once all is as wanted', async () => {
    await begin()
    await eventually(async () => expect((await client.get(deployments, web)).status).toMatchObject({ availableReplicas: 2 }))
    await sleep(300)
    const before = (await client.list(pods)).metadata.resourceVersion
    await sleep(700)
    expect((await client.list(pods)).metadata.resourceVersion).toBe(before)
  })

  it('empty a deleted namespace and let it go', async () => {
    await begin()
    await eventually(async () => expect((await client.list(pods)).items).toHaveLength(2))
    await client.delete(namespaces, { name: 'shop' })
    await eventually(() => gone(client.get(namespaces, { name: 'shop' })))
    expect((await client.list(endpointSlices, { namespace: 'shop' })).items).toEqual([])
  })

  /** Kubelets and scheduler in three lines: Pods are ready at once and gone at once. */
  const runPods = async (of: Client) => {
    let serial = 0
    const { metadata } = await of.list(pods)
    const follow = async () => {
      for await (const { type, object } of of.watch(pods, {
        signal: abort.signal,
        ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
      })) {
        if (type === 'DELETED') continue
        if (object.metadata.deletionTimestamp !== undefined) await of.delete(pods, object.metadata, { gracePeriodSeconds: 0 }).catch(() => undefined)
        else if (!object.spec.nodeName)
          await of.createSubresource(pods, object.metadata as never, 'binding', {
            apiVersion: 'v1',
            kind: 'Binding',
            metadata: object.metadata,
            target: { kind: 'Node', name: 'n1' },
          })
        else if (!object.status.podIP) {
          const ip = `10.42.0.${++serial}`
          const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: new Date().toISOString() }]
          await of
            .patch(
              pods,
              object.metadata,
              { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions } },
              { type: 'strategic', subresource: 'status' },
            )
            .catch(() => undefined)
        }
      }
    }
    void follow()
  }
})

const eventually = async (check: () => Promise<unknown>, timeoutMs = 8000): Promise<void> => {
  for (const until = Date.now() + timeoutMs; ; await sleep(20)) {
    try {
      await check()
      return
    } catch (error) {
      if (Date.now() > until) throw error
    }
  }
}

const gone = async (found: Promise<unknown>): Promise<void> => {
  const error: unknown = await found.then(
    () => new Error('it is still there'),
    (refused: unknown) => refused,
  )
  if (!isStatusError(error, 'NotFound')) throw error as Error
}
