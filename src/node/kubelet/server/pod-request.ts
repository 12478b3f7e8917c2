import type { RuntimeContainer } from '../../runtime/runtime.ts'
import type { Kubelet } from '../kubelet.ts'
import { latestOf } from '../pod-actions.ts'
import { containerSlots } from '../pod-names.ts'
import type { PodWorker } from '../pod-worker.ts'
import type { Kubelets } from '../start-kubelets.ts'

/** A refusal of the kubelet's own HTTP interface. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export interface PodRequest {
  readonly worker: PodWorker
  readonly kubelet: Kubelet
  readonly container: string
  /** Of every attempt. */
  readonly containers: readonly RuntimeContainer[]
}

export const refusePart = (kubelets: Kubelets, { namespace, name }: { namespace: string; name: string }): void => {
  if (kubelets.findPart(namespace, name)) throw new RequestError(400, `pod "${name}" is a process of this machine, not a container (it has logs only)`)
}

/** Finds `/{verb}/{namespace}/{pod}[/{uid}]/{container}`. */
export const findContainer = async (kubelets: Kubelets, segments: readonly string[]): Promise<PodRequest> => {
  const [namespace = '', name = ''] = segments
  refusePart(kubelets, { namespace, name })
  const found = kubelets.findPod(namespace, name)
  if (!found) throw new RequestError(404, `pod "${name}" not found`)
  const slots = containerSlots(found.worker.pod)
  const container = segments.at(-1) ?? ''
  if (!slots.some((slot) => slot.container.name === container)) throw new RequestError(404, `container "${container}" not found in pod "${name}"`)
  const { runtime } = found.kubelet.context
  const all = (await Promise.all(found.worker.state.sandboxes.map((sandbox) => runtime.listContainers(sandbox.id)))).flat()
  return { ...found, container, containers: all.filter((one) => one.config.name === container) }
}

/** Throws upstream's refusal of a stream where the container does not run, whether it waits or has ended. */
export const runningContainer = ({ container, containers }: PodRequest): RuntimeContainer => {
  const latest = latestOf(containers, container)
  if (latest?.state === 'running') return latest
  throw new RequestError(500, `Internal error occurred: unable to upgrade connection: container not found ("${container}")`)
}

const pullWords: Readonly<Record<string, string>> = { ErrImagePull: "image can't be pulled", ImagePullBackOff: 'trying and failing to pull image' }

export const waitingReason = (worker: PodWorker, container: string): string => {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = worker.pod.status ?? {}
  const status = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find((one) => one.name === container)
  const reason = status?.state.waiting?.reason ?? 'ContainerCreating'
  return pullWords[reason] ?? reason
}
