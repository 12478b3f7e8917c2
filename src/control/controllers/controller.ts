import type { Client } from '../../base/client/client.ts'
import type { EventRecorder } from '../../base/client/events.ts'
import type { Informer } from '../../base/client/informer-contract.ts'
import type { Kind } from '../../base/api/kind.ts'
import type { KubeObject } from '../../base/api/object.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { WorkQueueObserver } from '../../base/lib/work-queue-metrics.ts'

/** What all controllers together are told; every field is settled before they start. */
export interface ControllerSettings {
  /** PEM of what clients must trust, for `kube-root-ca.crt`. */
  readonly rootCA: string
  readonly clusterCIDR: string
  readonly loadBalancerRange: string
  /** How long a node may be silent before it counts as unknown. */
  readonly nodeMonitorGraceMs: number
  readonly nodeMonitorPeriodMs: number
  /** Finished Pods beyond this many are removed, oldest first. */
  readonly terminatedPodThreshold: number
  /** The kinds that namespaces are emptied of and that owner references may name. */
  readonly kinds: readonly Kind[]
}

/** Informers that all controllers share: asking for a kind the first time starts it. */
export interface SharedInformers {
  of<T extends KubeObject>(kind: Kind<T>): Informer<T>
  /** Whether all that were asked for have been filled. */
  isSynced(): boolean
}

export interface ControllerContext {
  readonly client: Client
  readonly informers: SharedInformers
  readonly recorder: EventRecorder
  readonly settings: ControllerSettings
  readonly observeQueue: ((name: string) => WorkQueueObserver) | undefined
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

export interface Controller {
  /** The source of its events, and its ServiceAccount in kube-system where `serviceAccount` names no other. */
  readonly name: string
  readonly serviceAccount?: string
  /** Resolves when the signal has aborted and its work has ended. */
  start(context: ControllerContext): Promise<void>
}

/** What a controller passes to `startController` as it is. */
export const machinery = ({ clock, log, signal, observeQueue }: ControllerContext) => ({ clock, log, signal, observeQueue })
