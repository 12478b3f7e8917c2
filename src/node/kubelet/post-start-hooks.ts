import type { Container } from '../../base/api/generated/types.ts'
import { fieldContextOf } from './container-starter.ts'
import { runHook } from './lifecycle-hook.ts'
import type { PodContext } from './pod-context.ts'
import { fieldPathOf } from './pod-names.ts'

/**
 * The postStart hooks of a Pod that run now. Until its hook is over a container does not count as running, and no other one is started;
 * the worker's passes go on meanwhile, so that a Pod whose hook hangs can still be deleted.
 */
export class PostStartHooks {
  readonly #context: PodContext
  readonly #running = new Map<string, AbortController>()
  readonly #failed = new Set<string>()

  constructor(context: PodContext) {
    this.#context = context
  }

  get containerIds(): ReadonlySet<string> {
    return new Set(this.#running.keys())
  }

  hasFailed(containerId: string): boolean {
    return this.#failed.has(containerId)
  }

  /** Whether a running container does not count as one: its hook runs still, or has failed so that it is to be stopped. */
  isHeld(containerId: string): boolean {
    return this.#running.has(containerId) || this.#failed.has(containerId)
  }

  /** Runs the hook of a container that was just started; `onFailure` hears what went wrong. */
  begin(container: Container, containerId: string, onFailure: (message: string) => void): void {
    const hook = container.lifecycle?.postStart
    if (!hook) return
    const { node, pod, state } = this.#context
    const giveUp = new AbortController()
    this.#running.set(containerId, giveUp)
    const signal = AbortSignal.any([giveUp.signal, node.signal])
    const ip = fieldContextOf(node, pod, state.sandbox).podIP ?? ''
    void runHook(hook, { runtime: node.runtime, clock: node.clock, pod, container, containerId, ip, signal }).then((failure) => {
      if (signal.aborted) return
      this.#running.delete(containerId)
      if (failure !== undefined) {
        this.#failed.add(containerId)
        node.recorder.event(pod, 'Warning', 'FailedPostStartHook', 'PostStartHook failed', { fieldPath: fieldPathOf(pod, container.name) })
        onFailure(failure)
      }
      this.#context.wake()
    })
  }

  /** The Pod ends: nobody waits for them any more. */
  close(): void {
    for (const giveUp of this.#running.values()) giveUp.abort()
    this.#running.clear()
  }
}
