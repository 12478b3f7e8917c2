import { mkdir } from 'node:fs/promises'
import { fieldContextOf } from '../container-starter.ts'
import type { PodContext } from '../pod-context.ts'
import { claimPath, MultiAttachError } from './claim-volumes.ts'
import { PodVolumes } from './pod-volumes.ts'

const firstRetryMs = 500
const longestRetryMs = 120_000

/** Keeps a Pod's volumes: made before its containers, and brought up to date when what they show has changed or a token grows old. */
export class VolumeSetup {
  readonly #context: PodContext
  readonly #volumes: PodVolumes
  #isStale = true
  #failures = 0

  constructor(context: PodContext) {
    this.#context = context
    this.#volumes = new PodVolumes(context.folder)
  }

  pathOf(volume: string): string | undefined {
    return this.#volumes.pathOf(volume)
  }

  markStale(): void {
    this.#isStale = true
  }

  /** False where a volume is missing: no container is to be started then. */
  async bringUpToDate(): Promise<boolean> {
    const { node, pod, state } = this.#context
    if (node.runtime.name === 'simulated') return true
    const dueMs = this.#tokenDueMs()
    if (!this.#isStale && dueMs > 0) {
      if (Number.isFinite(dueMs)) this.#context.wakeIn(dueMs)
      return true
    }
    this.#isStale = false
    try {
      await this.#setUp()
      this.#failures = 0
      if (Number.isFinite(this.#tokenDueMs())) this.#context.wakeIn(Math.max(1000, this.#tokenDueMs()))
      return true
    } catch (error) {
      this.#isStale = true
      node.recorder.event(pod, 'Warning', error instanceof MultiAttachError ? 'FailedAttachVolume' : 'FailedMount', (error as Error).message)
      this.#context.wakeIn(Math.min(firstRetryMs * 2 ** this.#failures++, longestRetryMs))
      return state.containers.length > 0
    }
  }

  async tearDown(): Promise<void> {
    const { node, pod } = this.#context
    await this.#volumes.tearDown(pod)
    node.attachments.detach((mounter) => mounter.pod.uid === pod.metadata.uid)
  }

  async #setUp(): Promise<void> {
    const { node, pod, state, folder } = this.#context
    await mkdir(folder, { recursive: true })
    await this.#volumes.setUp(pod, {
      context: fieldContextOf(node, pod, state.sandbox),
      references: node.references,
      token: (options) => node.tokens.token(node.client, pod, options),
      claimPath: (claim) => claimPath({ ...node, mounter: { node: node.config.name, pod: { namespace: '', ...pod.metadata } } }, claim),
      nowMs: node.clock.now(),
    })
  }

  #tokenDueMs(): number {
    const { node, pod } = this.#context
    return (node.tokens.refreshAtMs(pod.metadata.uid) ?? Number.POSITIVE_INFINITY) - node.clock.now()
  }
}
