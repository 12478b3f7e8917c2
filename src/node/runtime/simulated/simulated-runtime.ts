import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import type { AttachSession, ContainerConfig, ContainerRuntime, ExecOptions, ExecSession, RuntimeContainer, Sandbox, SandboxConfig } from '../runtime.ts'

export interface SimulatedRuntimeOptions {
  readonly clock: Clock
  readonly log: Log
  /** The next free address of the node's podCIDR; never asked for hostNetwork Pods. */
  readonly podIp: (sandbox: SandboxConfig) => string
  readonly version?: string
}

/** A runtime whose containers only change state: they run until they are stopped. It needs no rights and leaves nothing behind. */
export function createSimulatedRuntime(options: SimulatedRuntimeOptions): ContainerRuntime {
  return new SimulatedRuntime(options)
}

/** What a process that ends on its stop signal is seen to end with: 128 + SIGTERM, 128 + SIGKILL. */
const exitCodes = { terminated: 143, killed: 137 } as const

class SimulatedRuntime implements ContainerRuntime {
  readonly name = 'simulated'
  readonly version: string
  readonly #options: SimulatedRuntimeOptions
  readonly #sandboxes = new Map<string, Sandbox>()
  readonly #containers = new Map<string, RuntimeContainer>()
  readonly #listeners = new Set<(containerId: string, sandboxId: string) => void>()

  constructor(options: SimulatedRuntimeOptions) {
    this.#options = options
    this.version = `knarr-simulated://${options.version ?? '0.1.0'}`
  }

  async runPodSandbox(config: SandboxConfig): Promise<string> {
    const existing = [...this.#sandboxes.values()].find(
      (one) => one.state === 'ready' && one.config.uid === config.uid && one.config.attempt === config.attempt,
    )
    if (existing) return existing.id
    const id = newId()
    const ip = config.hostNetwork ? {} : { ip: this.#options.podIp(config) }
    this.#sandboxes.set(id, { id, config, state: 'ready', createdAtMs: this.#options.clock.now(), ...ip })
    return id
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId)
    if (!sandbox) return
    for (const container of await this.listContainers(sandboxId)) await this.stopContainer(container.id, 0)
    this.#sandboxes.set(sandboxId, { ...sandbox, state: 'notready' })
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    await this.stopPodSandbox(sandboxId)
    for (const container of await this.listContainers(sandboxId)) this.#containers.delete(container.id)
    this.#sandboxes.delete(sandboxId)
  }

  async listPodSandboxes(): Promise<readonly Sandbox[]> {
    return [...this.#sandboxes.values()]
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    if (this.#sandboxes.get(sandboxId)?.state !== 'ready') throw new Error(`sandbox ${sandboxId} is not ready`)
    const existing = (await this.listContainers(sandboxId)).find((one) => one.config.name === config.name && one.config.attempt === config.attempt)
    if (existing) return existing.id
    const id = newId()
    this.#containers.set(id, { id, sandboxId, config, state: 'created', createdAtMs: this.#options.clock.now() })
    return id
  }

  async startContainer(containerId: string): Promise<void> {
    const container = this.#container(containerId)
    if (container.state === 'created') this.#change({ ...container, state: 'running', startedAtMs: this.#options.clock.now() })
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    const container = this.#containers.get(containerId)
    if (container?.state !== 'running') return
    const exitCode = gracePeriodSeconds > 0 ? exitCodes.terminated : exitCodes.killed
    this.#change({ ...container, state: 'exited', finishedAtMs: this.#options.clock.now(), exitCode, reason: 'Error' })
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.stopContainer(containerId, 0)
    this.#containers.delete(containerId)
  }

  async listContainers(sandboxId?: string): Promise<readonly RuntimeContainer[]> {
    return [...this.#containers.values()].filter((container) => sandboxId === undefined || container.sandboxId === sandboxId)
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

  async close(): Promise<void> {
    this.#listeners.clear()
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

const newId = () => randomUUID().replaceAll('-', '').repeat(2)
