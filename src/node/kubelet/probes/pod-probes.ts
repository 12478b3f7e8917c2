import type { RuntimeContainer } from '../../runtime/runtime.ts'
import { fieldContextOf } from '../container-starter.ts'
import type { PodContext } from '../pod-context.ts'
import { containerSlots, fieldPathOf } from '../pod-names.ts'
import { ContainerProbes } from './container-probes.ts'
import { runHandler } from './handlers.ts'

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

  /** Begins for containers that run, ends for those that no longer do. A Pod that is ending gets no new ones. */
  follow({ isEnding }: { isEnding: boolean }): void {
    const running = new Map(this.#context.state.containers.flatMap((one) => (one.state === 'running' ? [[one.id, one] as const] : [])))
    for (const [id, probes] of this.#probes) {
      if (running.has(id)) continue
      probes.close()
      this.#probes.delete(id)
    }
    if (isEnding) return
    for (const [id, container] of running) if (!this.#probes.has(id)) this.#begin(container)
  }

  end(containerId: string): void {
    this.#probes.get(containerId)?.close()
  }

  close(): void {
    for (const probes of this.#probes.values()) probes.close()
  }

  #begin(running: RuntimeContainer): void {
    const { node, pod } = this.#context
    const slot = containerSlots(pod).find((one) => one.container.name === running.config.name)
    if (!slot || slot.role === 'init') return
    const { container } = slot
    const probes = new ContainerProbes({
      container,
      clock: node.clock,
      startedAtMs: running.startedAtMs ?? node.clock.now(),
      ask: (probe) =>
        runHandler(probe, {
          runtime: node.runtime,
          container,
          containerId: running.id,
          ip: fieldContextOf(node, this.#context.pod, this.#context.state.sandbox).podIP ?? '',
          timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
        }),
      onChange: () => this.#context.wake(),
      onUnhealthy: (kind, message) =>
        node.recorder.event(this.#context.pod, 'Warning', 'Unhealthy', `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${message}`, {
          fieldPath: fieldPathOf(this.#context.pod, container.name),
        }),
    })
    this.#probes.set(running.id, probes)
  }
}
