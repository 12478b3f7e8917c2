import { randomBytes } from 'node:crypto'
import { constants, mkdirSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import type { Image, ImageStore } from '../../images/image-store.ts'
import type {
  AttachSession,
  ContainerConfig,
  ContainerRuntime,
  ContainerStats,
  ExecOptions,
  ExecSession,
  RuntimeContainer,
  Sandbox,
  SandboxConfig,
} from '../runtime.ts'
import { attachTo } from './attach.ts'
import { privilegeArguments } from './capabilities.ts'
import { levelResources } from './cgroups/levels.ts'
import { type Cgroups, openCgroups } from './cgroups/cgroups.ts'
import { completeEnvironment, Container, type ContainerSurroundings } from './container.ts'
import { ExecPipes, startExec } from './exec.ts'
import { whyNotExecutable } from './executable.ts'
import { findHostTools, type HostTools } from './host-tools.ts'
import { readFifo } from './output.ts'
import type { PodNetwork } from './pod-network.ts'
import { connectToPort } from './port-forward.ts'
import { readContainers, readSandboxes, eventsFile } from './records.ts'
import { RootView } from '../../images/root-view.ts'
import { plainShell, PodSandbox, type SandboxSurroundings } from './sandbox.ts'
import { SpareShell } from './spare-shell.ts'
import { execScript, preparationScript, processCommand } from './scripts.ts'
import { runScript } from './shell.ts'

export interface ProcessRuntimeOptions {
  /** State of all sandboxes and containers; a second runtime on it after the first adopts what runs. */
  readonly directory: string
  readonly images: ImageStore
  readonly log: Log
  readonly clock: Clock
  readonly network: PodNetwork
  /** Name of the control group above all others, such as `knarr-default`. */
  readonly cgroupRoot: string
  /** What all containers together may take. */
  readonly limits?: { readonly cpus?: number | undefined; readonly memoryBytes?: number | undefined }
  readonly version?: string
  /** Network namespace (a path) of a node for its hostNetwork Pods; the agent's own where it gives none. */
  readonly nodeNetwork?: (node: string) => Promise<string | undefined>
}

const checkEveryMs = 2_000
const spareAfterMs = 200

/** Checks rights and tools first: throws one error that says what is missing and what to do. */
export async function createProcessRuntime(options: ProcessRuntimeOptions): Promise<ContainerRuntime> {
  if (!isAbsolute(options.directory) || /[,\n]/.test(options.directory))
    throw new Error(`the state folder ${options.directory} must be absolute and hold no comma`)
  const tools = findHostTools()
  for (const name of ['sandboxes', 'containers']) mkdirSync(join(options.directory, name), { recursive: true, mode: 0o700 })
  const scratch = await prepareDirectory(options.directory)
  const cgroups = openCgroups(options.cgroupRoot)
  const { cpus, memoryBytes } = options.limits ?? {}
  const whole = { ...(cpus === undefined ? {} : { cpuQuotaMicros: cpus * 100_000 }), ...(memoryBytes === undefined ? {} : { memoryLimitBytes: memoryBytes }) }
  if (Object.keys(whole).length > 0) cgroups.create('', whole)
  if (cgroups.version === 0) options.log.warn({}, 'no control groups can be written: limits of containers are not enforced')
  return new ProcessRuntime({ ...options, tools, cgroups, scratch })
}

async function prepareDirectory(directory: string): Promise<'folder' | 'memory'> {
  try {
    return (await runScript(preparationScript({ directory }))).trim() === 'memory' ? 'memory' : 'folder'
  } catch (cause) {
    const advice = 'it needs root with CAP_SYS_ADMIN and overlayfs; run `knarr doctor`, or use the simulated runtime'
    throw new Error(`the process runtime cannot start containers here: ${(cause as Error).message} (${advice})`, { cause })
  }
}

type Internals = ProcessRuntimeOptions & { readonly tools: HostTools; readonly cgroups: Cgroups; readonly scratch: 'folder' | 'memory' }

class ProcessRuntime implements ContainerRuntime {
  readonly name = 'process'
  readonly version: string
  readonly #options: Internals
  readonly #sandboxes = new Map<string, PodSandbox>()
  readonly #containers = new Map<string, Container>()
  /** Of containers made and not yet started: an image is read from disk once. */
  readonly #images = new Map<string, Image>()
  readonly #listeners = new Set<(containerId: string, sandboxId: string) => void>()
  readonly #containerSurroundings: ContainerSurroundings
  readonly #sandboxSurroundings: SandboxSurroundings
  readonly #events: Socket
  readonly #spareShell: SpareShell
  readonly #pipes = new ExecPipes()
  readonly #starting = new Map<string, Promise<void>>()
  #cancelCheck: () => void = () => {}

  constructor(options: Internals) {
    this.#options = options
    this.version = `knarr://${options.version ?? '0.1.0'}`
    this.#containerSurroundings = { ...options, changed: ({ record }) => this.#notify(record.id, record.sandboxId) }
    this.#spareShell = new SpareShell({ command: plainShell, clock: options.clock, delayMs: spareAfterMs })
    this.#sandboxSurroundings = { ...options, nodeNetwork: options.nodeNetwork ?? (async () => undefined), spareShell: this.#spareShell }
    this.#events = readFifo(eventsFile(options.directory), constants.O_RDWR)
    this.#events.on('data', (chunk: Buffer) => this.#ended(chunk.toString().split('\n'))).on('error', () => {})
    this.#adopt()
    this.#checkLater()
  }

  async runPodSandbox(config: SandboxConfig): Promise<string> {
    const existing = [...this.#sandboxes.values()].find(
      ({ record, ready }) => ready && record.config.uid === config.uid && record.config.attempt === config.attempt,
    )
    if (existing) return existing.record.id
    const id = randomBytes(32).toString('hex')
    const cgroupParent = safePath(config.cgroupParent) || 'pods'
    const record = { id, config: { ...config, cgroupParent }, createdAtMs: this.#options.clock.now(), cgroup: `${cgroupParent}/${id.slice(0, 12)}` }
    const sandbox = new PodSandbox(record, this.#sandboxSurroundings)
    try {
      await sandbox.start()
    } catch (error) {
      await sandbox.stop().catch((cause: unknown) => this.#options.log.warn({ err: cause }, 'releasing a failed sandbox'))
      sandbox.remove()
      throw error
    }
    this.#sandboxes.set(id, sandbox)
    this.#weighLevels()
    return id
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId)
    if (!sandbox) return
    await Promise.all(this.#containersOf(sandboxId).map((container) => container.stop(0)))
    await sandbox.stop()
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId)
    if (!sandbox) return
    await this.stopPodSandbox(sandboxId)
    for (const container of this.#containersOf(sandboxId)) await this.removeContainer(container.record.id)
    await sandbox.gone(this.#options.clock)
    sandbox.remove()
    this.#sandboxes.delete(sandboxId)
    const parent = dirname(sandbox.record.cgroup)
    if (![...this.#sandboxes.values()].some(({ record }) => dirname(record.cgroup) === parent)) this.#options.cgroups.remove(parent)
    this.#weighLevels()
  }

  #weighLevels(): void {
    for (const [path, resources] of levelResources([...this.#sandboxes.values()].map(({ record }) => record.config))) {
      this.#options.cgroups.create(path, resources)
    }
  }

  async listPodSandboxes(): Promise<readonly Sandbox[]> {
    return [...this.#sandboxes.values()].map((sandbox) => sandbox.describe())
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#readySandbox(sandboxId)
    const existing = this.#containersOf(sandboxId).find(({ record }) => record.config.name === config.name && record.config.attempt === config.attempt)
    if (existing) return existing.record.id
    const image = await this.#image(config)
    const id = randomBytes(32).toString('hex')
    const record = { id, sandboxId, config, createdAtMs: this.#options.clock.now(), cgroup: `${sandbox.record.config.cgroupParent}/${id.slice(0, 12)}` }
    const container = new Container(record, sandbox.record.config, this.#containerSurroundings)
    container.create()
    this.#containers.set(id, container)
    this.#images.set(id, image)
    return id
  }

  async #image({ imageId, image }: ContainerConfig): Promise<Image> {
    const found = await this.#options.images.resolve(imageId)
    if (!found) throw new Error(`image ${imageId} (${image}) is not present`)
    return found.image
  }

  async startContainer(containerId: string): Promise<void> {
    const container = this.#container(containerId)
    if (container.state !== 'created') return
    const started = this.#starting.get(containerId) ?? this.#start(container).finally(() => this.#starting.delete(containerId))
    this.#starting.set(containerId, started)
    await started
  }

  async #start(container: Container): Promise<void> {
    const { id, config, sandboxId } = container.record
    const sandbox = this.#readySandbox(sandboxId)
    const image = this.#images.get(id) ?? (await this.#image(config))
    this.#images.delete(id)
    const target = config.pidNamespaceOf === undefined ? undefined : this.#containers.get(config.pidNamespaceOf)
    if (config.pidNamespaceOf !== undefined && target?.state !== 'running') throw new Error(`container ${config.pidNamespaceOf} is not running`)
    await container.start({ image, holder: sandbox.holder!, target: target?.init, hostname: sandbox.record.config.hostname, shm: sandbox.shm })
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    await this.#starting.get(containerId)?.catch(() => {})
    await this.#containers.get(containerId)?.stop(gracePeriodSeconds)
  }

  async removeContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId)
    if (!container) return
    await this.stopContainer(containerId, 0)
    container.detach()
    container.remove()
    this.#containers.delete(containerId)
    this.#images.delete(containerId)
  }

  async listContainers(sandboxId?: string): Promise<readonly RuntimeContainer[]> {
    const chosen = sandboxId === undefined ? [...this.#containers.values()] : this.#containersOf(sandboxId)
    return chosen.map((container) => container.describe())
  }

  onContainerChange(listener: (containerId: string, sandboxId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async exec(containerId: string, options: ExecOptions): Promise<ExecSession> {
    const { record, init, state, folder } = this.#container(containerId)
    const sandbox = this.#sandboxes.get(record.sandboxId)
    if (state !== 'running' || !init || !sandbox) throw new Error(`container ${record.config.name} is not running`)
    const { config, cgroup } = record
    const view = new RootView([{ at: '/', folders: [`/proc/${init.pid}/root`] }])
    const env = completeEnvironment(options.tty ? [['TERM', 'xterm'], ...config.env] : config.env, {
      view,
      hostname: sandbox.record.config.hostname,
      uid: config.user.uid,
    })
    const path = env.findLast(([name]) => name === 'PATH')![1]
    const fault = whyNotExecutable(view, { command: options.command[0] ?? '', path, workingDir: config.workingDir || '/' })
    if (fault) throw new Error(`OCI runtime exec failed: exec failed: unable to start container process: ${fault}`)
    const command = processCommand({
      tools: this.#options.tools,
      privileges: privilegeArguments(config),
      workingDir: config.workingDir,
      env,
      argv: options.command,
    })
    const { tools, cgroups, clock } = this.#options
    const script = execScript({ tools, pid: init.pid, uid: config.user.uid, joinFiles: cgroups.joinFiles(cgroup), command, tty: options.tty })
    return startExec({ ...options, script, clock, pipes: this.#pipes, folder, root: `/proc/${init.pid}/root` })
  }

  async attach(containerId: string, options: { readonly stdin: boolean }): Promise<AttachSession> {
    const container = this.#container(containerId)
    if (container.state !== 'running') throw new Error(`container ${container.record.config.name} is not running`)
    return attachTo(container, { ...options, clock: this.#options.clock })
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const { holder, record } = this.#readySandbox(sandboxId)
    return connectToPort({ ip: record.ip ?? '127.0.0.1', port, holderPid: holder!.pid })
  }

  async stats(containerId: string): Promise<ContainerStats | undefined> {
    const { record, state } = this.#container(containerId)
    return state === 'running' ? this.#options.cgroups.usage(record.cgroup) : undefined
  }

  async close(): Promise<void> {
    this.#cancelCheck()
    this.#spareShell.close()
    this.#events.destroy()
    this.#listeners.clear()
    for (const container of this.#containers.values()) container.detach()
  }

  #adopt(): void {
    const { directory, log } = this.#options
    const sandboxes = readSandboxes(directory)
    const containers = readContainers(directory)
    for (const folder of [...sandboxes.broken, ...containers.broken]) rmSync(folder, { recursive: true, force: true })
    for (const record of sandboxes.records) {
      this.#sandboxes.set(record.id, new PodSandbox(record, this.#sandboxSurroundings))
      if (record.ip !== undefined && !record.stopped) this.#options.network.adopt({ id: record.id, config: record.config, ip: record.ip })
    }
    for (const record of containers.records) {
      const sandbox = this.#sandboxes.get(record.sandboxId)
      if (!sandbox) continue
      const container = new Container(record, sandbox.record.config, this.#containerSurroundings)
      this.#containers.set(record.id, container)
      if (container.adopt()) log.debug({ container: record.id, state: container.state }, 'adopted a container')
    }
  }

  #ended(ids: readonly string[]): void {
    for (const id of ids) this.#containers.get(id)?.check()
  }

  /** Only for what cannot announce itself: a launcher or a sandbox's holder that was killed. */
  #checkLater(): void {
    this.#cancelCheck = this.#options.clock.after(checkEveryMs, () => {
      this.#ended([...this.#containers.keys()])
      for (const sandbox of this.#sandboxes.values()) if (sandbox.noticeEnd()) this.#notify('', sandbox.record.id)
      this.#checkLater()
    })
  }

  #notify(containerId: string, sandboxId: string): void {
    for (const listener of this.#listeners) listener(containerId, sandboxId)
  }

  #containersOf(sandboxId: string): Container[] {
    return [...this.#containers.values()].filter(({ record }) => record.sandboxId === sandboxId)
  }

  #container(id: string): Container {
    const container = this.#containers.get(id)
    if (!container) throw new Error(`container ${id} not found`)
    return container
  }

  #readySandbox(id: string): PodSandbox {
    const sandbox = this.#sandboxes.get(id)
    if (!sandbox?.ready) throw new Error(`sandbox ${id} is not ready`)
    return sandbox
  }
}

/** A path below our own root group, whatever it says. */
const safePath = (path: string) => normalize(`/${path}`).replace(/^\/+|\/+$/g, '')
