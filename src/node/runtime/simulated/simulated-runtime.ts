import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import type { AttachSession, ContainerConfig, ContainerRuntime, ExecOptions, ExecSession, RuntimeContainer, Sandbox, SandboxConfig } from '../runtime.ts'

export interface SimulatedRuntimeOptions {
  readonly clock: Clock
  readonly log: Log
  /** The next free address of the node's podCIDR; never asked for hostNetwork Pods. */
  readonly podIp: (sandbox: SandboxConfig) => string
  /** The address is free again. */
  readonly releaseIp?: (sandbox: SandboxConfig, ip: string) => void
  readonly version?: string
}

/** A simulated runtime, with what else can happen to a container. */
export interface SimulatedContainerRuntime extends ContainerRuntime {
  readonly name: 'simulated'
  /** Ends a running container, as its process would. */
  exit(containerId: string, options: { readonly exitCode: number; readonly reason?: string }): void
  /** From now on the container's probes and hooks fail with this message; undefined: they succeed again. */
  failProbes(containerId: string, message: string | undefined): void
}

/** A runtime whose containers only change state: they run until they are stopped. It needs no rights and leaves nothing behind. */
export function createSimulatedRuntime(options: SimulatedRuntimeOptions): SimulatedContainerRuntime {
  return new SimulatedRuntime(options)
}

/** What a process that ends on its stop signal is seen to end with: 128 + SIGTERM, 128 + SIGKILL. */
const exitCodes = { terminated: 143, killed: 137 } as const

class SimulatedRuntime implements SimulatedContainerRuntime {
  readonly name = 'simulated'
  readonly version: string
  readonly #options: SimulatedRuntimeOptions
  readonly #sandboxes = new Map<string, Sandbox>()
  readonly #containers = new Map<string, RuntimeContainer>()
  /** Ids of sandboxes by Pod, and of containers by sandbox: no verb looks at what is not its Pod's. */
  readonly #sandboxesOf = new Map<string, string[]>()
  readonly #containersOf = new Map<string, string[]>()
  readonly #unhealthy = new Map<string, string>()
  readonly #listeners = new Set<(containerId: string, sandboxId: string) => void>()

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options
    this.version = `knarr-simulated://${options.version ?? '0.1.0'}`
  }

  async runPodSandbox(config: SandboxConfig): Promise<string> {
    const ofPod = this.#sandboxesOf.get(config.uid) ?? []
    const existing = ofPod.find((known) => this.#sandboxes.get(known)?.state === 'ready' && this.#sandboxes.get(known)?.config.attempt === config.attempt)
    if (existing) return existing
    const id = newId()
    const ip = config.hostNetwork ? {} : { ip: this.#options.podIp(config) }
    this.#sandboxes.set(id, { id, config, state: 'ready', createdAtMs: this.#options.clock.now(), ...ip })
    this.#sandboxesOf.set(config.uid, [...ofPod, id])
    return id
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId)
    if (!sandbox || sandbox.state === 'notready') return
    for (const container of await this.listContainers(sandboxId)) await this.stopContainer(container.id, 0)
    this.#sandboxes.set(sandboxId, { ...sandbox, state: 'notready' })
    if (sandbox.ip) this.#options.releaseIp?.(sandbox.config, sandbox.ip)
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    await this.stopPodSandbox(sandboxId)
    for (const id of this.#containersOf.get(sandboxId) ?? []) this.#forget(id)
    this.#containersOf.delete(sandboxId)
    const uid = this.#sandboxes.get(sandboxId)?.config.uid
    this.#sandboxes.delete(sandboxId)
    if (uid !== undefined) drop(this.#sandboxesOf, uid, sandboxId)
  }

  async listPodSandboxes(sandboxId?: string): Promise<readonly Sandbox[]> {
    if (sandboxId === undefined) return [...this.#sandboxes.values()]
    const sandbox = this.#sandboxes.get(sandboxId)
    return sandbox ? [sandbox] : []
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    if (this.#sandboxes.get(sandboxId)?.state !== 'ready') throw new Error(`sandbox ${sandboxId} is not ready`)
    const existing = (await this.listContainers(sandboxId)).find((one) => one.config.name === config.name && one.config.attempt === config.attempt)
    if (existing) return existing.id
    const id = newId()
    this.#containers.set(id, { id, sandboxId, config, state: 'created', createdAtMs: this.#options.clock.now() })
    this.#containersOf.set(sandboxId, [...(this.#containersOf.get(sandboxId) ?? []), id])
    return id
  }

  async startContainer(containerId: string): Promise<void> {
    const container = this.#container(containerId)
    if (container.state === 'created') this.#change({ ...container, state: 'running', startedAtMs: this.#options.clock.now() })
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    const container = this.#containers.get(containerId)
    if (container?.state !== 'running') return
    this.exit(containerId, { exitCode: gracePeriodSeconds > 0 ? exitCodes.terminated : exitCodes.killed })
  }

  exit(containerId: string, { exitCode, reason = exitCode === 0 ? 'Completed' : 'Error' }: { exitCode: number; reason?: string }): void {
    const container = this.#container(containerId)
    if (container.state !== 'running') return
    this.#change({ ...container, state: 'exited', finishedAtMs: this.#options.clock.now(), exitCode, reason })
  }

  failProbes(containerId: string, message: string | undefined): void {
    if (message === undefined) this.#unhealthy.delete(containerId)
    else this.#unhealthy.set(this.#container(containerId).id, message)
  }

  async answer(containerId: string): Promise<{ ok: boolean; message: string }> {
    const message = this.#unhealthy.get(containerId)
    return { ok: message === undefined, message: message ?? '' }
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.stopContainer(containerId, 0)
    const sandboxId = this.#containers.get(containerId)?.sandboxId
    this.#forget(containerId)
    if (sandboxId !== undefined) drop(this.#containersOf, sandboxId, containerId)
  }

  async listContainers(sandboxId?: string): Promise<readonly RuntimeContainer[]> {
    if (sandboxId === undefined) return [...this.#containers.values()]
    return (this.#containersOf.get(sandboxId) ?? []).map((id) => this.#container(id))
  }

  onContainerChange(listener: (containerId: string, sandboxId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async exec(containerId: string, options: ExecOptions): Promise<ExecSession> {
    const { config } = this.#container(containerId)
    throw new Error(`cannot run ${options.command[0] ?? 'a command'} in container ${config.name}: its node is simulated, no processes run on it`)
  }

  async attach(containerId: string): Promise<AttachSession> {
    const { config } = this.#container(containerId)
    throw new Error(`cannot attach to container ${config.name}: its node is simulated, no processes run on it`)
  }

  async portForward(sandboxId: string, port: number): Promise<never> {
    throw new Error(`cannot reach port ${port} of sandbox ${sandboxId}: its node is simulated, no processes run on it`)
  }

  async close(): Promise<void> {
    this.#listeners.clear()
  }

  #forget(containerId: string): void {
    this.#containers.delete(containerId)
    this.#unhealthy.delete(containerId)
  }

  #container(id: string): RuntimeContainer {
    const container = this.#containers.get(id)
    if (!container) throw new Error(`container ${id} not found`)
    return container
  }

  #change(container: RuntimeContainer): void {
    this.#containers.set(container.id, container)
    for (const listener of this.#listeners) listener(container.id, container.sandboxId)
  }
}

/** Takes one id out of a group; an empty group goes. */
function drop(groups: Map<string, string[]>, group: string, id: string): void {
  const left = (groups.get(group) ?? []).filter((one) => one !== id)
  if (left.length > 0) groups.set(group, left)
  else groups.delete(group)
}

const newId = () => randomUUID().replaceAll('-', '').repeat(2)
