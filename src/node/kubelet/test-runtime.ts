import { connect } from 'node:net'
import { PassThrough, type Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Image, ImageStore } from '../images/image-store.ts'
import { PullError } from '../images/registry/registry-error.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type {
  AttachSession,
  ContainerConfig,
  ContainerRuntime,
  ExecOptions,
  ExecSession,
  RuntimeContainer,
  Sandbox,
  SandboxConfig,
} from '../runtime/runtime.ts'

/** A runtime in memory for the kubelet's own tests: containers run until the test ends them. */
export class TestRuntime implements ContainerRuntime {
  readonly name = 'process' as const
  readonly version = 'knarr://test'
  readonly sandboxes = new Map<string, Sandbox>()
  readonly containers = new Map<string, RuntimeContainer>()
  readonly stops: { readonly name: string; readonly graceSeconds: number }[] = []
  readonly execs: string[] = []
  readonly #listeners = new Set<(containerId: string, sandboxId: string) => void>()
  readonly #clock: Clock
  #serial = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async runPodSandbox(config: SandboxConfig): Promise<string> {
    const id = `sandbox-${++this.#serial}`
    this.sandboxes.set(id, { id, config, state: 'ready', createdAtMs: this.#clock.now(), ...(config.hostNetwork ? {} : { ip: `10.1.0.${this.#serial}` }) })
    return id
  }

  async stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.sandboxes.get(id)
    for (const container of await this.listContainers(id)) if (container.state === 'running') this.end(container.id, 137)
    if (sandbox) this.sandboxes.set(id, { ...sandbox, state: 'notready' })
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id)
    for (const container of await this.listContainers(id)) this.containers.delete(container.id)
    this.sandboxes.delete(id)
  }

  async listPodSandboxes(): Promise<readonly Sandbox[]> {
    return [...this.sandboxes.values()]
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const id = `container-${++this.#serial}`
    this.containers.set(id, { id, sandboxId, config, state: 'created', createdAtMs: this.#clock.now() })
    return id
  }

  async startContainer(id: string): Promise<void> {
    this.#change(id, { state: 'running', startedAtMs: this.#clock.now() })
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    this.stops.push({ name: this.containers.get(id)?.config.name ?? '', graceSeconds })
    this.end(id, 143)
  }

  async removeContainer(id: string): Promise<void> {
    this.containers.delete(id)
  }

  async listContainers(sandboxId?: string): Promise<readonly RuntimeContainer[]> {
    return [...this.containers.values()].filter((container) => !sandboxId || container.sandboxId === sandboxId)
  }

  onContainerChange(listener: (containerId: string, sandboxId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async exec(_id: string, options: ExecOptions): Promise<ExecSession> {
    const stdin = new PassThrough()
    const stdout = new PassThrough()
    const stderr = new PassThrough()
    if (options.stdin) stdin.pipe(stdout)
    else if (options.command[0] !== 'hang') stdout.end(`${options.command.join(' ')}\n`)
    stderr.end()
    this.execs.push(options.command.join(' '))
    const [command] = options.command
    const code = command === 'false' ? 1 : 0
    return {
      stdin,
      stdout,
      ...(options.tty ? {} : { stderr }),
      resize() {},
      kill: () => stdout.end(),
      exited: new Promise((resolve) => stdout.once('end', () => resolve(code))),
    }
  }

  async attach(): Promise<AttachSession> {
    let detach = () => {}
    const ended = new Promise<void>((resolve) => (detach = resolve))
    const stdout = new PassThrough()
    return { stdin: stdout, stdout, resize: () => {}, detach, ended: Promise.race([ended, finished(stdout)]) }
  }

  async portForward(_sandboxId: string, port: number): Promise<Duplex> {
    return connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  }

  async close(): Promise<void> {}

  /** The newest container of a name. */
  latest(name: string): RuntimeContainer | undefined {
    return [...this.containers.values()].filter((container) => container.config.name === name).at(-1)
  }

  end(id: string, exitCode: number): void {
    this.#change(id, { state: 'exited', exitCode, finishedAtMs: this.#clock.now(), reason: exitCode === 0 ? 'Completed' : 'Error' })
  }

  #change(id: string, change: Partial<RuntimeContainer>): void {
    const container = this.containers.get(id)
    if (!container) return
    this.containers.set(id, { ...container, ...change })
    for (const listener of this.#listeners) listener(id, container.sandboxId)
  }
}

export const testImage: Image = {
  id: 'sha256:test',
  tags: ['docker.io/library/app:latest'],
  digest: 'sha256:digest',
  repoDigests: ['docker.io/library/app@sha256:digest'],
  sizeBytes: 10,
  lowerDirs: [],
  hostBinds: [],
  config: { entrypoint: ['/app'], cmd: ['--serve'], env: ['LANG=C'], workingDir: '/srv', user: '', exposedPorts: [], labels: {}, stopSignal: '' },
}

/** Knows `app`, and `mapped` by a mapping. */
export const testImages: ImageStore = {
  resolve: async (reference) =>
    reference === 'app' ? { image: testImage, isLocal: true } : reference === 'mapped' ? { image: testImage, isLocal: true, mappedFrom: 'mapped' } : undefined,
  list: async () => [testImage],
  pull: async () => {
    throw new PullError('no route to its registry, and no image of that name is here (knarr image ls)')
  },
}
