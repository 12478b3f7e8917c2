import type { Container, Pod } from '../../base/api/generated/types.ts'
import { fieldContextOf } from './container-starter.ts'
import { stopContainer } from './container-stopper.ts'
import type { PodAction } from './pod-actions.ts'
import type { PodContext } from './pod-context.ts'
import { containerSlots } from './pod-names.ts'

type Stop = Extract<PodAction, { type: 'stop' }>

const graceSecondsOf = ({ metadata, spec }: Pod, container: Container, cause: Stop['cause']): number => {
  const ofSpec = spec.terminationGracePeriodSeconds ?? 30
  if (cause === 'liveness' || cause === 'startup') return container[`${cause}Probe`]?.terminationGracePeriodSeconds ?? ofSpec
  return cause === 'ending' ? (metadata.deletionGracePeriodSeconds ?? ofSpec) : ofSpec
}

/** The containers of a Pod that are being stopped, with the seconds they were given. */
export class ContainerStops {
  readonly #context: PodContext
  readonly #graceSeconds = new Map<string, number>()

  constructor(context: PodContext) {
    this.#context = context
  }

  get containerIds(): ReadonlySet<string> {
    return new Set(this.#graceSeconds.keys())
  }

  get isIdle(): boolean {
    return this.#graceSeconds.size === 0
  }

  has(containerId: string): boolean {
    return this.#graceSeconds.has(containerId)
  }

  /** Begins to stop a container; the worker is woken when it has ended. */
  begin({ containerId, name, cause }: Stop): void {
    const { node, pod, state } = this.#context
    const container = containerSlots(pod).find((slot) => slot.container.name === name)?.container
    if (!container) return
    const graceSeconds = graceSecondsOf(pod, container, cause)
    const message = cause === 'liveness' || cause === 'startup' ? `Container ${name} failed ${cause} probe, will be restarted` : `Stopping container ${name}`
    const ip = fieldContextOf(node, pod, state.sandbox).podIP ?? ''
    this.#graceSeconds.set(containerId, graceSeconds)
    void stopContainer(node, { pod, container, containerId, ip, graceSeconds, message })
      .catch((error: Error) => node.log.warn({ containerId, error: error.message }, 'container not stopped'))
      .finally(() => {
        this.#graceSeconds.delete(containerId)
        this.#context.wake()
      })
  }

  /** `kubectl delete --now` after a plain delete: who is being stopped gets the new, shorter time. */
  shortenGrace(): void {
    const { node, pod } = this.#context
    const grace = pod.metadata.deletionTimestamp ? pod.metadata.deletionGracePeriodSeconds : undefined
    if (grace === undefined) return
    for (const [id, seconds] of this.#graceSeconds) {
      if (grace >= seconds) continue
      this.#graceSeconds.set(id, grace)
      void node.runtime.stopContainer(id, grace).catch(() => undefined)
    }
  }
}
