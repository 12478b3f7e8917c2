import type { Pod } from '../../../base/api/generated/types.ts'
import type { RuntimeContainer } from '../../runtime/runtime.ts'
import { fieldContextOf } from '../container-starter.ts'
import type { PodContext } from '../pod-context.ts'
import { containerSlots, fieldPathOf } from '../pod-names.ts'
import { ContainerProbes, type Finding } from './container-probes.ts'
import { askProbe } from './handlers.ts'
import type { FormerHealth } from './probe-state.ts'

/** The probes of a Pod's running containers, by container id. A container without probes has started and is ready. */
export class PodProbes {
  readonly #context: PodContext
  readonly #probes = new Map<string, ContainerProbes>()

  constructor(context: PodContext) {
    this.#context = context
  }

  isReady(containerId: string): boolean {
    return this.#probes.get(containerId)?.isReady ?? true
  }

  hasStarted(containerId: string): boolean {
    return this.#probes.get(containerId)?.hasStarted ?? true
  }

  failed(containerId: string): 'liveness' | 'startup' | undefined {
    return this.#probes.get(containerId)?.failed
  }

  /** Begins for containers that run and are not held, ends for those that no longer do. A Pod that is ending gets no new ones. */
  follow({ isEnding, isHeld }: { isEnding: boolean; isHeld: (containerId: string) => boolean }): void {
    const running = new Map(this.#context.state.containers.filter(({ id, state }) => state === 'running' && !isHeld(id)).map((one) => [one.id, one]))
    for (const [id, probes] of this.#probes) {
      if (running.has(id)) continue
      probes.close()
      this.#probes.delete(id)
    }
    if (isEnding) return
    for (const [id, container] of running) if (!this.#probes.has(id)) this.#begin(container)
  }

  letEnd(containerId: string): void {
    this.#probes.get(containerId)?.letEnd()
  }

  close(): void {
    for (const probes of this.#probes.values()) probes.close()
  }

  #begin(running: RuntimeContainer): void {
    const { node, pod } = this.#context
    const slot = containerSlots(pod).find((one) => one.container.name === running.config.name)
    if (!slot || slot.role === 'init') return
    const { container } = slot
    const former = formerHealth(pod, running.id)
    const probes = new ContainerProbes({
      container,
      clock: node.clock,
      startedAtMs: running.startedAtMs ?? node.clock.now(),
      ...(former ? { former } : {}),
      random: Math.random,
      ask: (probe) =>
        askProbe(probe, {
          runtime: node.runtime,
          container,
          containerId: running.id,
          ip: fieldContextOf(node, this.#context.pod, this.#context.state.sandbox).podIP ?? '',
          timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
        }),
      onChange: () => this.#context.wake(),
      onFinding: (kind, finding, message) =>
        node.recorder.event(
          this.#context.pod,
          'Warning',
          finding === 'warning' ? 'ProbeWarning' : 'Unhealthy',
          `${kind[0]?.toUpperCase()}${kind.slice(1)} probe ${wordsOf[finding]}: ${message}`,
          { fieldPath: fieldPathOf(this.#context.pod, container.name) },
        ),
    })
    this.#probes.set(running.id, probes)
  }
}

const wordsOf: Readonly<Record<Finding, string>> = { failed: 'failed', warning: 'warning', errored: 'errored and resulted in unknown state' }

/** What the API was told of a container that runs since before this agent; nothing of one that was just started. */
const formerHealth = ({ status }: Pod, containerId: string): FormerHealth | undefined => {
  const told = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find((one) => one.containerID === `knarr://${containerId}`)
  return told && { started: told.started ?? false, ready: told.ready }
}
