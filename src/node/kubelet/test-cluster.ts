import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pods, services } from '../../base/api/kinds.ts'
import type { Pod } from '../../base/api/generated/types.ts'
import type { Draft } from '../../base/api/object.ts'
import { FakeClient } from '../../base/client/fake-client.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { silentLog } from '../../base/lib/log.ts'
import type { NodeConfig } from './node-config.ts'
import { startKubelets, type Kubelets } from './start-kubelets.ts'
import type { Part } from './static-pods/part.ts'
import { TestRuntime, testImages } from './test-runtime.ts'

export const testNode = (name: string): NodeConfig => ({
  name,
  roles: ['worker'],
  internalIP: '192.168.0.1',
  capacity: { cpu: 4, memoryBytes: 2 ** 33, pods: 110, ephemeralStorageBytes: 2 ** 33 },
})

/** One node over a fake API, a fake clock and a runtime in memory. */
export class TestCluster {
  readonly clock = new FakeClock()
  readonly client = new FakeClient({ clock: this.clock })
  readonly runtime = new TestRuntime(this.clock)
  readonly directory: string
  abort = new AbortController()
  kubelets!: Kubelets
  /** When Services have let go of a Pod that ends. */
  withdrawn = (): Promise<void> => Promise.resolve()

  readonly parts: readonly Part[]

  constructor(directory: string, parts: readonly Part[]) {
    this.directory = directory
    this.parts = parts
  }

  static async start(parts: readonly Part[] = []): Promise<TestCluster> {
    const cluster = new TestCluster(await mkdtemp(join(tmpdir(), 'knarr-kubelet-')), parts)
    await cluster.client.create(services, {
      metadata: { namespace: 'default', name: 'kubernetes' },
      spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] },
    })
    await cluster.startAgent()
    return cluster
  }

  async startAgent(): Promise<void> {
    this.abort = new AbortController()
    const starting = startKubelets({
      nodes: { running: [testNode('node-1')], stopped: [] },
      clientFor: () => this.client,
      sharedClient: this.client,
      runtime: this.runtime,
      images: testImages,
      directory: this.directory,
      parts: this.parts,
      withdrawn: () => this.withdrawn(),
      clusterDNS: '10.96.0.10',
      clusterDomain: 'cluster.local',
      clock: this.clock,
      log: silentLog,
      signal: this.abort.signal,
    })
    await this.clock.advance(1000)
    this.kubelets = await starting
  }

  async stopAgent(): Promise<void> {
    this.abort.abort()
    await this.kubelets.close()
  }

  async close(): Promise<void> {
    await this.stopAgent()
    await rm(this.directory, { recursive: true, force: true })
  }

  makePod(spec: Draft<Pod['spec']>, name = 'web'): Promise<Pod> {
    return this.client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'default', name },
      spec: { nodeName: 'node-1', restartPolicy: 'Always', terminationGracePeriodSeconds: 30, ...spec } as Draft<Pod['spec']>,
    })
  }

  pod(name = 'web'): Promise<Pod> {
    return this.client.get(pods, { namespace: 'default', name })
  }
}

/** Files and sockets need turns of the event loop that a fake clock does not give: bounded, on a condition. */
export const until = async (what: string, test: () => Promise<boolean> | boolean): Promise<void> => {
  for (let turn = 0; turn < 1000; turn++) {
    if (
      await Promise.resolve()
        .then(test)
        .then(Boolean, () => false)
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error(`never came true: ${what}`)
}
