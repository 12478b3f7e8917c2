import type { Container, Pod } from '../../base/api/generated/types.ts'
import { fieldContextOf } from './container-starter.ts'
import { minimumGraceSeconds, stopContainer } from './container-stopper.ts'
import type { PodAction } from './pod-actions.ts'
import type { PodContext } from './pod-context.ts'
import { containerSlots } from './pod-names.ts'

type Stop = Extract<PodAction, { type: 'stop' }>

interface Stopping {
  graceSeconds: number
  readonly ended: Promise<void>
}

/** Whoever was removed at once is given the least there is. */
const graceSecondsOf = ({ metadata, spec }: Pod, container: Container, { cause, isRemoved }: { cause: Stop['cause']; isRemoved: boolean }): number => {
  const ofSpec = spec.terminationGracePeriodSeconds ?? 30
  if (cause === 'liveness' || cause === 'startup') return container[`${cause}Probe`]?.terminationGracePeriodSeconds ?? ofSpec
  if (isRemoved) return 0
  return (cause === 'ending' ? metadata.deletionGracePeriodSeconds : undefined) ?? ofSpec
}

const messageOf = ({ name, cause }: Stop): string => {
  if (cause === 'liveness' || cause === 'startup') return `Container ${name} failed ${cause} probe, will be restarted`
  return cause === 'postStart' ? 'FailedPostStartHook' : `Stopping container ${name}`
}

/** The containers of a Pod that are being stopped, with the seconds they were given. */
export class ContainerStops {
  readonly #context: PodContext
  readonly #stopping = new Map<string, Stopping>()

  constructor(context: PodContext) {
    this.#context = context
  }

  get containerIds(): ReadonlySet<string> {
    return new Set(this.#stopping.keys())
  }

  get isIdle(): boolean {
    return this.#stopping.size === 0
  }

  /** Begins to stop a container; the worker is woken when it has ended. */
  begin(stop: Stop, { isRemoved }: { isRemoved: boolean }): void {
    const { containerId, name } = stop
    const { node, pod, state } = this.#context
    const container = containerSlots(pod).find((slot) => slot.container.name === name)?.container
    if (!container) return
    const graceSeconds = graceSecondsOf(pod, container, { ...stop, isRemoved })
    const ip = fieldContextOf(node, pod, state.sandbox).podIP ?? ''
    const turn = Promise.all(stop.after.flatMap((id) => this.#stopping.get(id)?.ended ?? []))
    const ended = stopContainer(node, { pod, container, containerId, ip, graceSeconds, message: messageOf(stop), turn })
      .catch((error: Error) => node.log.warn({ containerId, error: error.message }, 'container not stopped'))
      .finally(() => {
        this.#stopping.delete(containerId)
        this.#context.wake()
      })
    this.#stopping.set(containerId, { graceSeconds, ended })
  }

  /** `kubectl delete --now` or `--force` after a plain delete: who is being stopped gets the new, shorter time. */
  shortenGrace({ isRemoved }: { isRemoved: boolean }): void {
    const { node, pod } = this.#context
    const grace = isRemoved ? 0 : pod.metadata.deletionTimestamp ? pod.metadata.deletionGracePeriodSeconds : undefined
    if (grace === undefined) return
    for (const [id, stopping] of this.#stopping) {
      if (grace >= stopping.graceSeconds) continue
      stopping.graceSeconds = grace
      void node.runtime.stopContainer(id, Math.max(minimumGraceSeconds, grace)).catch(() => undefined)
    }
  }
}
