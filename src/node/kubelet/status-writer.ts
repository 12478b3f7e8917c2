import { pods } from '../../base/api/kinds.ts'
import type { Pod, PodStatus } from '../../base/api/generated/types.ts'
import type { Client } from '../../base/client/client.ts'
import { createBackoff } from '../../base/lib/backoff.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import { equalJson } from '../../base/machinery/equal-json.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'

export interface StatusWriterOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** The newest form of the Pod that is known. */
  readonly current: () => Pod
  /** The Pod as the API has it now, after a write or a conflict. */
  readonly onFresh: (pod: Pod) => void
  readonly statusOf: (pod: Pod) => PodStatus
}

/** Writes a Pod's status when it differs from what the API has. Failures are tried again until the Pod is gone. */
export class StatusWriter {
  readonly #options: StatusWriterOptions
  #isWanted = false
  #running: Promise<void> | undefined

  constructor(options: StatusWriterOptions) {
    this.#options = options
  }

  /** Asks for a write; the status is computed when it is written. */
  write(): void {
    this.#isWanted = true
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  /** Resolves when nothing is left to write. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    const { signal, clock, log, current } = this.#options
    const backoff = createBackoff({ initialMs: 100, maxMs: 5_000, jitter: 0.5 })
    while (this.#isWanted && !signal.aborted) {
      this.#isWanted = false
      try {
        await this.#write()
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return
        log.debug({ pod: current().metadata.name, error: (error as Error).message }, 'status not written yet')
        this.#isWanted = true
        if (isStatusError(error, 'Conflict') && !(await this.#refresh())) return
        await clock.sleep(backoff.next(), signal).catch(() => undefined)
      }
    }
  }

  /** False where the Pod is gone or another one has its name. */
  async #refresh(): Promise<boolean> {
    const { namespace, name, uid } = this.#options.current().metadata
    try {
      const pod = await this.#options.client.get(pods, { namespace, name })
      if (pod.metadata.uid !== uid) return false
      this.#options.onFresh(pod)
      return true
    } catch (error) {
      return !isStatusError(error, 'NotFound')
    }
  }

  async #write(): Promise<void> {
    const pod = this.#options.current()
    const patch = statusPatch(pod.status ?? {}, this.#options.statusOf(pod))
    if (!patch) return
    const { namespace, name, uid, resourceVersion } = pod.metadata
    const body = { metadata: { uid, resourceVersion }, status: patch }
    this.#options.onFresh(await this.#options.client.patch(pods, { namespace, name }, body, { type: 'merge', subresource: 'status' }))
  }
}

const owned = [
  'phase',
  'conditions',
  'message',
  'reason',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'initContainerStatuses',
  'containerStatuses',
  'qosClass',
  'ephemeralContainerStatuses',
  'observedGeneration',
] as const

/** A merge patch of the fields that differ; undefined if none does. */
export const statusPatch = (before: PodStatus, after: PodStatus): Record<string, unknown> | undefined => {
  const changed = owned.filter((key) => !equalJson(before[key], after[key], { nullIsAbsent: true }))
  return changed.length ? Object.fromEntries(changed.map((key) => [key, after[key] ?? null])) : undefined
}
