import type { Client } from '../../base/client/client.ts'
import type { EventRecorder } from '../../base/client/events.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { ImageStore } from '../images/image-store.ts'
import type { ContainerRuntime } from '../runtime/runtime.ts'
import type { KeyedBackoff } from '../../base/lib/backoff.ts'
import type { References } from './environment.ts'
import type { NodeConfig } from './node-config.ts'
import type { Resolver } from './pod-files.ts'
import type { ServiceAccountTokens } from './service-account-tokens.ts'
import type { SharedReferences } from './shared-references.ts'
import type { VolumeAttachments, VolumePathOf } from './volumes/claim-volumes.ts'

/** What the Pods of one node share. */
export interface NodeContext {
  readonly config: NodeConfig
  /** The node's own identity. */
  readonly client: Client
  readonly runtime: ContainerRuntime
  readonly images: ImageStore
  readonly recorder: EventRecorder
  readonly references: References
  readonly shared: SharedReferences
  readonly tokens: ServiceAccountTokens
  /** Who acts when a container of this sandbox changes; shared by all nodes of the agent, so that a change is looked up once. */
  readonly bySandbox: Map<string, { wake(): void }>
  readonly restartBackoff: KeyedBackoff
  readonly imageBackoff: KeyedBackoff
  readonly allocatable: Readonly<Record<string, string>>
  readonly directory: string
  readonly attachments: VolumeAttachments
  readonly volumePathOf: VolumePathOf
  /** Resolves when Services send no new connections to a Pod that ends, and when `signal` aborts. */
  readonly withdrawn: (podUid: string, signal: AbortSignal) => Promise<void>
  readonly clusterDNS: string
  readonly clusterDomain: string
  readonly hostResolver: Resolver
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}
