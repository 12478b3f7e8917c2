import type { Event } from '../../base/api/generated/types.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import type { Duration } from './duration.ts'
import type { Expectation } from './expectation.ts'
import type { Simulation } from './simulation.ts'

/** The size of a simulated node; what is left out is as in `defaultNode`. */
export interface NodeSpec {
  readonly name?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' }[]
  /** Cores. Default 8. */
  readonly cpu?: number
  /** Default 16 GiB. */
  readonly memoryBytes?: number
  /** Default 110. */
  readonly pods?: number
}

export interface ClusterOptions {
  /**
   * `simulated` (the default): everything in this process and in memory; Pods only change state; any system, no rights.
   * `process`: a whole cluster of its own with real Pods, as `knarr up` makes it; Linux and root.
   */
  readonly runtime?: 'simulated' | 'process'
  /** How many nodes, or which (`simulated`). Default 3. */
  readonly nodes?: number | readonly NodeSpec[]
  /**
   * `virtual` (the default with `simulated`): time stands still until the test moves it. `system`: the machine's time.
   * With `startAt` the virtual clock begins at that moment; otherwise at the present.
   */
  readonly clock?: 'virtual' | 'system' | { readonly startAt: Date | string }
}

/** The time of a cluster: leases, tolerations, back-offs, probes, tokens and stamps all follow it. */
export interface ClusterClock {
  /** Wall time in milliseconds since the epoch. */
  now(): number
  /**
   * Moves time on, from one due moment to the next; resolves when what became due has come to rest.
   * A cluster on the machine's time refuses.
   */
  advance(duration: Duration): Promise<void>
  /** From now on time also passes by itself, as fast as outside. So it does once a kubeconfig was asked for: other programs wait in real time. */
  flow(): void
}

export interface WaitOptions {
  /** Default `default`. */
  readonly namespace?: string
  /** Of the cluster's time. Default `5m`. */
  readonly timeout?: Duration
}

/** A cluster of one test's own. */
export interface Cluster extends AsyncDisposable {
  /** The API, as an administrator. Objects it hands out are frozen. */
  readonly client: Client
  readonly clock: ClusterClock
  /** What can go wrong with simulated nodes and Pods. Refuses where Pods are real. */
  readonly simulate: Simulation
  /**
   * Creates or updates what the manifests say, in their order, and answers the objects as stored. Takes a file, a folder, a glob (`deploy/*.yaml`),
   * YAML or JSON itself, or objects. Objects without a namespace go to `options.namespace`, or `default`.
   */
  apply(manifests: string | object | readonly object[], options?: { readonly namespace?: string }): Promise<readonly KubeObject[]>
  /**
   * Resolves with the object when it is as expected: `waitFor('deployment/web', { available: true })`. On a virtual clock time passes as far as
   * that needs. Fails after `timeout` with what was seen last and the Events about it.
   */
  waitFor<T extends KubeObject = KubeObject>(reference: string, expectation: Expectation<T>, options?: WaitOptions): Promise<T>
  /** Resolves when nothing is under way that waits for no time. On the machine's time there is no such moment, and it resolves at once. */
  settle(): Promise<void>
  /** All Events in the order of their time, or those about one object (`deployment/web`). */
  events(reference?: string, options?: { readonly namespace?: string }): Promise<readonly Event[]>
  /** Serves the API on a free port of 127.0.0.1 and answers the kubeconfig of an administrator: for kubectl, Helm or client libraries. */
  kubeconfig(): Promise<string>
  /** Writes the kubeconfig to `file`, or to a file that goes with the cluster; answers its path. */
  writeKubeconfig(file?: string): Promise<string>
  /** Ends everything and leaves nothing behind. May be repeated. */
  close(): Promise<void>
}
