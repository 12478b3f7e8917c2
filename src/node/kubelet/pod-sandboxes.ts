import type { Pod } from '../../base/api/generated/types.ts'
import type { PortMapping } from '../runtime/runtime.ts'
import { podCgroup } from './pod-cgroup.ts'
import type { PodContext } from './pod-context.ts'
import { hostnameOf } from './pod-names.ts'

const retryMs = 3_000

/** Makes and ends the Pod's sandboxes; at most one is in use. */
export class PodSandboxes {
  readonly #context: PodContext
  readonly #onSandbox: (sandboxId: string) => void
  readonly #ids: string[]
  #notBeforeMs = 0

  constructor(context: PodContext, options: { ids: readonly string[]; onSandbox: (sandboxId: string) => void }) {
    this.#context = context
    this.#ids = [...options.ids]
    this.#onSandbox = options.onSandbox
  }

  /** Every sandbox the Pod has had on this node. */
  get ids(): readonly string[] {
    return this.#ids
  }

  /** True where a sandbox was made; false where it failed or was tried a moment ago. */
  async run(attempt: number): Promise<boolean> {
    const { node, pod } = this.#context
    const waitMs = this.#notBeforeMs - node.clock.monotonic()
    if (waitMs > 0) return (this.#context.wakeIn(waitMs), false)
    if (attempt > 0) node.recorder.event(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.')
    await this.stop()
    try {
      const id = await node.runtime.runPodSandbox(this.#config(attempt))
      this.#ids.push(id)
      this.#onSandbox(id)
      return true
    } catch (error) {
      node.recorder.event(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${(error as Error).message}`)
      this.#notBeforeMs = node.clock.monotonic() + retryMs
      this.#context.wakeIn(retryMs)
      return false
    }
  }

  async stop(): Promise<void> {
    for (const sandbox of this.#context.state.sandboxes) await this.#context.node.runtime.stopPodSandbox(sandbox.id)
  }

  /** Ends them and drops the runtime's records, containers included. */
  async remove(): Promise<void> {
    const { runtime } = this.#context.node
    for (const container of this.#context.state.containers) await runtime.removeContainer(container.id)
    for (const sandbox of this.#context.state.sandboxes) {
      await runtime.stopPodSandbox(sandbox.id)
      await runtime.removePodSandbox(sandbox.id)
    }
  }

  #config(attempt: number) {
    const { node, pod, logDirectory } = this.#context
    const { namespace = '', name, uid } = pod.metadata
    const { spec } = pod
    return {
      namespace,
      name,
      uid,
      attempt,
      hostname: spec.hostNetwork ? node.config.name : hostnameOf(pod),
      hostNetwork: spec.hostNetwork ?? false,
      node: node.config.name,
      logDirectory,
      ...podCgroup(pod),
      ...(spec.hostIPC ? { hostIPC: true } : {}),
      pidNamespace: spec.hostPID ? ('node' as const) : spec.shareProcessNamespace ? ('pod' as const) : ('container' as const),
      ...portMappings(pod),
      sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
    }
  }
}

/** A Pod in its node's own network has its ports there already. Init containers that stay count, as for the scheduler. */
const portMappings = ({ spec }: Pod): { readonly portMappings?: readonly PortMapping[] } => {
  const containers = [...(spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'), ...spec.containers]
  const mappings = containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ protocol, containerPort, hostPort, hostIP }) =>
      hostPort ? [{ protocol: (protocol ?? 'TCP') as PortMapping['protocol'], containerPort, hostPort, ...(hostIP ? { hostIP } : {}) }] : [],
    ),
  )
  return spec.hostNetwork || mappings.length === 0 ? {} : { portMappings: mappings }
}
