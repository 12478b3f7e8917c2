import type { Pod } from '../../base/api/generated/types.ts'
import { admit } from './admission.ts'
import type { NodeContext } from './node-context.ts'
import { PodWorker } from './pod-worker.ts'
import { isMirror } from './static-pods/mirror-pod.ts'
import { MirrorPods } from './static-pods/mirror-pods.ts'
import type { Part } from './static-pods/part.ts'

/** The Pods of one node. */
export class Kubelet {
  readonly context: NodeContext
  readonly mirrors: MirrorPods
  readonly #workers = new Map<string, PodWorker>()
  readonly #adopted = new Map<string, string[]>()

  constructor(context: NodeContext, parts: readonly Part[] = []) {
    this.context = context
    this.mirrors = new MirrorPods(context, parts)
  }

  /** Takes over what runs. `pods` are those the API has for this node; what belongs to none of them is ended. */
  async start(pods: readonly Pod[]): Promise<void> {
    const { runtime, config } = this.context
    const known = new Set(pods.map((pod) => pod.metadata.uid))
    for (const sandbox of await runtime.listPodSandboxes()) {
      if (sandbox.config.node !== config.name) continue
      if (known.has(sandbox.config.uid)) this.#adopted.set(sandbox.config.uid, [...(this.#adopted.get(sandbox.config.uid) ?? []), sandbox.id])
      else void this.#removeOrphan(sandbox.id)
    }
    for (const pod of pods) this.see(pod)
    this.mirrors.start()
  }

  /** A Pod of this node is there or has changed. */
  see(pod: Pod): void {
    if (isMirror(pod)) return this.mirrors.see(pod)
    const { uid } = pod.metadata
    const worker = this.#workers.get(uid)
    if (worker) return worker.update(pod)
    const sandboxIds = this.#adopted.get(uid) ?? []
    const created: PodWorker = new PodWorker({
      node: this.context,
      pod,
      sandboxIds,
      admit: (candidate) =>
        admit(
          candidate,
          [...this.#workers.values()].filter((one) => one !== created && one.isActive).map((one) => one.pod),
          this.context.allocatable,
        ),
      onSandbox: (id) => this.context.bySandbox.set(id, created),
      onDone: () => this.#forget(created),
    })
    this.#workers.set(uid, created)
    for (const id of sandboxIds) this.context.bySandbox.set(id, created)
    created.wake()
  }

  /** A Pod is no longer in the API. */
  lose(uid: string): void {
    this.mirrors.lose(uid)
    this.#workers.get(uid)?.remove()
  }

  refresh(kind: 'ConfigMap' | 'Secret', namespace: string, name: string): void {
    for (const worker of this.#workers.values()) if (worker.pod.metadata.namespace === namespace && worker.refersTo(kind, name)) worker.refresh()
  }

  find(namespace: string, name: string): PodWorker | undefined {
    const found = [...this.#workers.values()].filter((worker) => worker.pod.metadata.name === name && worker.pod.metadata.namespace === namespace)
    return found.at(-1)
  }

  pods(): Pod[] {
    return [...this.#workers.values()].map((worker) => worker.pod)
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.mirrors, ...this.#workers.values()].map((one) => one.close()))
  }

  #forget(worker: PodWorker): void {
    this.#workers.delete(worker.pod.metadata.uid)
    for (const id of worker.sandboxIds) this.context.bySandbox.delete(id)
  }

  async #removeOrphan(sandboxId: string): Promise<void> {
    const { runtime, log } = this.context
    try {
      for (const container of await runtime.listContainers(sandboxId)) {
        if (container.state === 'running') await runtime.stopContainer(container.id, 2)
        await runtime.removeContainer(container.id)
      }
      await runtime.stopPodSandbox(sandboxId)
      await runtime.removePodSandbox(sandboxId)
    } catch (error) {
      log.warn({ sandboxId, error: (error as Error).message }, 'a sandbox without a Pod could not be removed')
    }
  }
}
