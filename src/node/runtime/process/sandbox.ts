import type { ChildProcess } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Sandbox } from '../runtime.ts'
import type { Cgroups } from './cgroups/cgroups.ts'
import type { PodNetwork } from './pod-network.ts'
import { isAlive, type ProcessIdentity, readIdentity, signalProcess } from './process-identity.ts'
import { sandboxFolder, type SandboxRecord, saveRecord } from './records.ts'
import { sandboxScript } from './scripts.ts'
import { instruct, spawnShell } from './shell.ts'
import type { SpareShell } from './spare-shell.ts'
import { unmountBelow } from './mounts.ts'

export interface SandboxSurroundings {
  readonly directory: string
  readonly cgroups: Cgroups
  readonly network: PodNetwork
  readonly nodeNetwork: (node: string) => Promise<string | undefined>
  /** Of `plainShell`s. */
  readonly spareShell: SpareShell
}

/** A shell in the namespaces of an ordinary Pod. */
export const plainShell = ['unshare', '--uts', '--ipc', '--net', 'sh']

/** A Pod's network, UTS and IPC namespaces, held by one sleeping process that needs no agent. */
export class PodSandbox {
  record: SandboxRecord
  readonly #folder: string
  readonly #around: SandboxSurroundings
  #isLost = false

  constructor(record: SandboxRecord, around: SandboxSurroundings) {
    this.record = record
    this.#around = around
    this.#folder = sandboxFolder(around.directory, record.id)
  }

  get ready(): boolean {
    return this.holder !== undefined
  }

  /** The holder while it lives. */
  get holder(): ProcessIdentity | undefined {
    const { holder, stopped } = this.record
    return !stopped && holder && isAlive(holder) ? holder : undefined
  }

  /** True once, where the holder ended and nobody stopped it. */
  noticeEnd(): boolean {
    if (this.#isLost || this.record.stopped || !this.record.holder || isAlive(this.record.holder)) return false
    return (this.#isLost = true)
  }

  describe(): Sandbox {
    const { id, config, createdAtMs, ip } = this.record
    return { id, config, createdAtMs, state: this.ready ? 'ready' : 'notready', ...(ip === undefined ? {} : { ip }) }
  }

  /** The folder behind /dev/shm of its containers. */
  get shm(): string {
    return this.record.config.hostIPC ? '/dev/shm' : join(this.#folder, 'shm')
  }

  async start(): Promise<void> {
    const { id, config, cgroup } = this.record
    const { cgroups } = this.#around
    mkdirSync(config.hostIPC ? this.#folder : this.shm, { recursive: true, mode: 0o700 })
    cgroups.create(config.cgroupParent, config.resources ?? {})
    cgroups.create(cgroup, { cpuShares: 2 })
    const holderFile = join(this.#folder, 'holder')
    const isFirstProcess = config.pidNamespace === 'pod'
    const script = sandboxScript({ ...config, joinFiles: cgroups.joinFiles(cgroup), holderFile, isFirstProcess, shm: config.hostIPC ? undefined : this.shm })
    await instruct(await this.#shell(), script)
    const holder = readIdentity(holderFile)
    if (!holder) throw new Error(`the sandbox of Pod ${config.namespace}/${config.name} ended as soon as it was started`)
    this.#save({ ...this.record, holder })
    if (config.hostNetwork) return
    const { ip } = await this.#around.network.attach({ id, config, netnsPid: holder.pid })
    if (ip !== '') this.#save({ ...this.record, ip })
  }

  async stop(): Promise<void> {
    const { holder, config, id } = this.record
    if (!config.hostNetwork && !this.record.stopped) await this.#around.network.detach(id)
    if (holder) signalProcess(holder, 'SIGKILL')
    await unmountBelow(this.#folder)
    if (!this.record.stopped) this.#save({ ...this.record, stopped: true })
  }

  /** Resolves when its holder has ended, so that its control group can go. */
  async gone(clock: Clock): Promise<void> {
    const { holder } = this.record
    for (let waitedMs = 0; holder && isAlive(holder) && waitedMs < 2_000; waitedMs += 5) await clock.sleep(5)
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
    this.#around.cgroups.remove(this.record.cgroup)
  }

  async #shell(): Promise<ChildProcess> {
    const command = [...(await this.#enterNode()), 'unshare', ...this.#namespaces(), 'sh']
    return command.join() === plainShell.join() ? this.#around.spareShell.take() : spawnShell(command)
  }

  #namespaces(): string[] {
    const { hostIPC, hostNetwork, pidNamespace } = this.record.config
    return ['--uts', ...(hostIPC ? [] : ['--ipc']), ...(hostNetwork ? [] : ['--net']), ...(pidNamespace === 'pod' ? ['--pid', '--fork'] : [])]
  }

  async #enterNode(): Promise<string[]> {
    const path = this.record.config.hostNetwork ? await this.#around.nodeNetwork(this.record.config.node) : undefined
    return path === undefined ? [] : ['nsenter', `--net=${path}`]
  }

  #save(record: SandboxRecord): void {
    this.record = record
    saveRecord(this.#folder, record)
  }
}
