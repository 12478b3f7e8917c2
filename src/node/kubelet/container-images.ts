import type { Container } from '../../base/api/generated/types.ts'
import type { Image, ResolvedImage } from '../images/image-store.ts'
import { normaliseReference } from '../images/reference.ts'
import { PullError } from '../images/registry/registry-error.ts'
import type { PodContext } from './pod-context.ts'
import { fieldPathOf } from './pod-names.ts'
import { pullSecrets } from './pull-secrets.ts'
import { StartFailure } from './start-failure.ts'

interface Pull {
  readonly attempt: number
  outcome?: { readonly image: Image } | { readonly error: Error }
}

type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void

/** Finds the images of a Pod's containers by their pull policies. Pulls run beside the worker's passes, which wakes when one has ended. */
export class ContainerImages {
  readonly #context: PodContext
  readonly #pulls = new Map<string, Pull>()
  readonly #stop = new AbortController()
  readonly #lastFailures = new Map<string, string>()

  constructor(context: PodContext) {
    this.#context = context
  }

  /** Gives up what is on its way. */
  close(): void {
    this.#stop.abort()
  }

  /** The image; undefined while it is on its way. Throws StartFailure. */
  async find(container: Container, { attempt, waitingReason }: { attempt: number; waitingReason: string | undefined }): Promise<Image | undefined> {
    const { node, pod } = this.#context
    const tell: Tell = (type, reason, message) => node.recorder.event(pod, type, reason, message, { fieldPath: fieldPathOf(pod, container.name) })
    const name = container.image ?? ''
    const pull = this.#pulls.get(container.name)
    if (pull?.attempt === attempt && !pull.outcome) return undefined
    this.#pulls.delete(container.name)
    if (pull?.attempt === attempt && pull.outcome) return this.#takeOutcome(name, pull.outcome, tell)
    const found = await this.#resolve(name, waitingReason, tell)
    if (found && (container.imagePullPolicy !== 'Always' || found.isLocal)) return this.#usePresent(name, found, tell)
    if (container.imagePullPolicy === 'Never') {
      const message = `Container image "${name}" is not present with pull policy of Never`
      if (waitingReason !== 'ErrImageNeverPull') {
        tell('Warning', 'ErrImageNeverPull', message)
        tell('Warning', 'Failed', 'Error: ErrImageNeverPull')
      }
      throw new StartFailure('ErrImageNeverPull', message, { isImage: true })
    }
    this.#heedBackoff(name, waitingReason, tell)
    tell('Normal', 'Pulling', `Pulling image "${name}"`)
    this.#begin(container, attempt, tell)
    return undefined
  }

  async #resolve(name: string, waitingReason: string | undefined, tell: Tell): Promise<ResolvedImage | undefined> {
    const refuse = (reason: string, message: string, cause: unknown) => {
      if (waitingReason !== reason) {
        tell('Warning', 'InspectFailed', message)
        tell('Warning', 'Failed', `Error: ${reason}`)
      }
      return new StartFailure(reason, message, { isImage: true, cause })
    }
    try {
      normaliseReference(name)
    } catch (error) {
      throw refuse('InvalidImageName', `Failed to apply default image tag "${name}": ${(error as Error).message}`, error)
    }
    try {
      return await this.#context.node.images.resolve(name)
    } catch (error) {
      throw refuse('ImageInspectError', `Failed to inspect image "${name}": ${(error as Error).message}`, error)
    }
  }

  #usePresent(name: string, { image, mappedFrom }: ResolvedImage, tell: Tell): Image {
    tell('Normal', 'Pulled', `Container image "${name}" already present on machine and can be accessed by the pod`)
    if (mappedFrom) tell('Normal', 'ImageMapped', `Image "${name}" is served by "${image.tags[0] ?? image.id}" (knarr image map)`)
    this.#context.node.imageBackoff.forget(this.#key(name))
    return image
  }

  #heedBackoff(name: string, waitingReason: string | undefined, tell: Tell): void {
    const { imageBackoff, clock } = this.#context.node
    const key = this.#key(name)
    if (imageBackoff.remainingMs(key, imageBackoff.updatedMs(key), clock.now()) <= 0) return
    if (waitingReason !== 'ImagePullBackOff') {
      tell('Normal', 'BackOff', `Back-off pulling image "${name}"`)
      tell('Warning', 'Failed', 'Error: ImagePullBackOff')
    }
    const last = this.#lastFailures.get(name)
    throw new StartFailure('ImagePullBackOff', `Back-off pulling image "${name}"${last ? `: ${last}` : ''}`, { isImage: true })
  }

  #begin(container: Container, attempt: number, tell: Tell): void {
    const pull: Pull = { attempt }
    this.#pulls.set(container.name, pull)
    void this.#pull(container.image ?? '', tell)
      .then(
        (image) => (pull.outcome = { image }),
        (error: Error) => (pull.outcome = { error }),
      )
      .finally(() => this.#context.wake())
  }

  async #pull(name: string, tell: Tell): Promise<Image> {
    const { node, pod } = this.#context
    const startedMs = node.clock.monotonic()
    const { keyring, missing } = await pullSecrets(pod, node.references)
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`
      node.recorder.event(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message)
    }
    const signal = AbortSignal.any([this.#stop.signal, node.signal])
    const image = await node.images.pull(name, { keyring, signal })
    const took = goDuration(node.clock.monotonic() - startedMs)
    tell('Normal', 'Pulled', `Successfully pulled image "${name}" in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`)
    return image
  }

  #takeOutcome(name: string, outcome: NonNullable<Pull['outcome']>, tell: Tell): Image | undefined {
    const { imageBackoff, clock } = this.#context.node
    if ('image' in outcome) {
      imageBackoff.forget(this.#key(name))
      return outcome.image
    }
    if (this.#stop.signal.aborted) return undefined
    const { error } = outcome
    const reason = error instanceof PullError ? error.reason : 'ErrImagePull'
    imageBackoff.next(this.#key(name), clock.now())
    this.#lastFailures.set(name, `${reason}: ${error.message}`)
    tell('Warning', 'Failed', `Failed to pull image "${name}": ${error.message}`)
    tell('Warning', 'Failed', `Error: ${reason}`)
    throw new StartFailure(reason, error.message, { isImage: true, cause: error })
  }

  #key(name: string): string {
    return `${this.#context.pod.metadata.uid}/${name}`
  }
}

/** As Go prints durations: `85ms`, `1.234s`, `1m2.5s`. */
export const goDuration = (ms: number): string => {
  const whole = Math.trunc(ms)
  if (whole < 1000) return `${whole}ms`
  const minutes = Math.floor(whole / 60_000)
  return `${minutes > 0 ? `${minutes}m` : ''}${(whole % 60_000) / 1000}s`
}
