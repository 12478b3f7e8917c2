import type { Pod } from '../../base/api/generated/types.ts'
import type { NodeContext } from './node-context.ts'
import type { PodRuntimeState } from './pod-runtime-state.ts'

/** What the parts of one Pod's worker share. `pod` and `state` are the newest known ones, to be read anew after each wait. */
export interface PodContext {
  readonly node: NodeContext
  readonly pod: Pod
  readonly state: PodRuntimeState
  /** Holds the Pod's volumes and managed files. */
  readonly folder: string
  readonly logDirectory: string
  /** Another pass now, or after the one that runs. */
  wake(): void
  /** Another pass after that time, unless one comes sooner. */
  wakeIn(ms: number): void
}
