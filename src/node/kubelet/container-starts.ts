import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container } from '../../base/api/generated/types.ts'
import { ContainerImages } from './container-images.ts'
import { startContainer } from './container-starter.ts'
import { latestOf } from './pod-actions.ts'
import type { PodContext } from './pod-context.ts'
import { fieldPathOf, formatPod } from './pod-names.ts'
import type { PostStartHooks } from './post-start-hooks.ts'
import { StartFailure } from './start-failure.ts'

const imageRetryMs = 5_000
const retryMs = 10_000

const inWords = (seconds: number): string => (seconds >= 60 ? `${Math.floor(seconds / 60)}m${seconds % 60}s` : `${seconds}s`)

/** Starts a Pod's containers, and knows why those that do not run wait, by container name. */
export class ContainerStarts {
  readonly #context: PodContext
  readonly #pathOf: (volume: string) => string | undefined
  readonly #images: ContainerImages
  readonly #hooks: PostStartHooks
  readonly #waiting = new Map<string, { reason: string; message?: string }>()
  readonly #notBeforeMs = new Map<string, number>()

  constructor(context: PodContext, options: { pathOf: (volume: string) => string | undefined; hooks: PostStartHooks }) {
    this.#context = context
    this.#hooks = options.hooks
    this.#pathOf = options.pathOf
    this.#images = new ContainerImages(context)
  }

  get waiting(): ReadonlyMap<string, { readonly reason: string; readonly message?: string }> {
    return this.#waiting
  }

  remainingBackoffMs(name: string, finishedAtMs: number): number {
    const { clock, restartBackoff } = this.#context.node
    return restartBackoff.remainingMs(this.#backoffKey(name), finishedAtMs, clock.now())
  }

  /** Nothing is to be started any more: images on their way and hooks are given up. */
  close(): void {
    this.#images.close()
    this.#hooks.close()
  }

  /** What stood in the way may be gone: failures are tried again at once. */
  retryAtOnce(): void {
    this.#notBeforeMs.clear()
  }

  /** True where the container was started. */
  async start(container: Container, attempt: number): Promise<boolean> {
    const { node, pod, folder, state } = this.#context
    const { name } = container
    const waitMs = (this.#notBeforeMs.get(name) ?? 0) - node.clock.monotonic()
    if (waitMs > 0 || !state.sandbox) return (this.#context.wakeIn(waitMs), false)
    try {
      const image = await this.#images.find(container, { attempt, waitingReason: this.#waiting.get(name)?.reason })
      if (!image) return false
      if (latestOf(state.containers, name)?.state === 'exited') node.restartBackoff.next(this.#backoffKey(name), node.clock.now())
      const containerId = await startContainer(node, {
        pod,
        container,
        attempt,
        sandbox: state.sandbox,
        podFolder: folder,
        pathOf: this.#pathOf,
        image,
        containers: state.containers,
      })
      this.#waiting.delete(name)
      this.#notBeforeMs.delete(name)
      this.#hooks.begin(container, containerId, (message) => this.#waiting.set(name, { reason: 'PostStartHookError', message }))
      await this.#dropOld(name, attempt)
      return true
    } catch (error) {
      this.#wait(name, error instanceof StartFailure ? error : new StartFailure('RunContainerError', (error as Error).message))
      return false
    }
  }

  backOff(container: Container, remainingMs: number): void {
    const { node, pod } = this.#context
    const seconds = Math.round(node.restartBackoff.delayMs(this.#backoffKey(container.name)) / 1000)
    const message = `back-off ${inWords(seconds)} restarting failed container=${container.name} pod=${formatPod(pod)}`
    if (this.#waiting.get(container.name)?.message !== message) {
      node.recorder.event(pod, 'Warning', 'BackOff', `Back-off restarting failed container ${container.name} in pod ${formatPod(pod)}`, {
        fieldPath: fieldPathOf(pod, container.name),
      })
    }
    this.#waiting.set(container.name, { reason: 'CrashLoopBackOff', message })
    this.#context.wakeIn(remainingMs)
  }

  #backoffKey(name: string): string {
    return `${this.#context.pod.metadata.uid}/${name}`
  }

  #wait(name: string, { reason, message, isImage }: StartFailure): void {
    const delayMs = isImage ? imageRetryMs : retryMs
    this.#waiting.set(name, { reason, message })
    this.#notBeforeMs.set(name, this.#context.node.clock.monotonic() + delayMs)
    this.#context.wakeIn(delayMs)
  }

  // The last attempt stays for its log and its exit code.
  async #dropOld(name: string, attempt: number): Promise<void> {
    const { node, state, logDirectory } = this.#context
    const old = state.containers.filter((one) => one.config.name === name && one.config.attempt < attempt - 1 && one.state !== 'running')
    for (const container of old) {
      await node.runtime.removeContainer(container.id)
      await rm(join(logDirectory, container.config.logPath), { force: true })
    }
  }
}
