import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Image } from '../../images/image-store.ts'
import type { RuntimeContainer, SandboxConfig } from '../runtime.ts'
import { privilegeArguments } from './capabilities.ts'
import type { Cgroups } from './cgroups/cgroups.ts'
import { defaultPath, whyNotExecutable } from './executable.ts'
import { type HostTools, requireTerminalTools } from './host-tools.ts'
import { type OutputTap, OutputReader, releaseLauncher } from './output.ts'
import { identify, isAlive, type ProcessIdentity, readIdentity, readIfThere, signalProcess } from './process-identity.ts'
import { containerFolder, type ContainerRecord, eventsFile, saveRecord } from './records.ts'
import { prepareRoot } from './root-filesystem.ts'
import type { RootView } from '../../images/root-view.ts'
import { containerCommand, type Input, launcherScript, type PidNamespace, setupScript } from './scripts.ts'
import { quote, startDetached } from './shell.ts'
import { containerTerminalScript } from './terminal.ts'

/** What all containers of a runtime share. */
export interface ContainerSurroundings {
  readonly directory: string
  readonly clock: Clock
  readonly cgroups: Cgroups
  readonly tools: HostTools
  readonly scratch: 'folder' | 'memory'
  readonly changed: (container: Container) => void
}

export interface StartOptions {
  readonly image: Image
  /** The process that holds the sandbox's namespaces. */
  readonly holder: ProcessIdentity
  /** The first process of the container whose processes it is to see. */
  readonly target: ProcessIdentity | undefined
  readonly hostname: string
  readonly shm: string
}

/** The process could not be started; the container counts as ended with code 128. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** One container: created, running, exited, each state readable from its folder alone. */
export class Container {
  readonly folder: string
  record: ContainerRecord
  readonly #around: ContainerSurroundings
  readonly #logFile: string
  readonly #pidNamespace: PidNamespace
  #output: OutputReader | undefined
  #init: ProcessIdentity | undefined
  #launcher: ProcessIdentity | undefined
  #finishing: Promise<void> | undefined
  readonly #waiting = new Set<() => void>()

  constructor(record: ContainerRecord, sandbox: SandboxConfig, around: ContainerSurroundings) {
    this.record = record
    this.#pidNamespace = record.config.pidNamespaceOf ? 'target' : (sandbox.pidNamespace ?? 'container')
    this.#around = around
    this.folder = containerFolder(around.directory, record.id)
    this.#logFile = join(sandbox.logDirectory, record.config.logPath)
  }

  get init(): ProcessIdentity | undefined {
    return this.#init
  }

  get state(): RuntimeContainer['state'] {
    if (this.record.end) return 'exited'
    return this.#init ? 'running' : 'created'
  }

  describe(): RuntimeContainer {
    const { id, sandboxId, config, createdAtMs, end } = this.record
    const startedAtMs = this.#init && !end ? changedAtMs(join(this.folder, 'pid')) : undefined
    return { id, sandboxId, config, createdAtMs, state: this.state, ...(startedAtMs === undefined ? {} : { startedAtMs }), ...end }
  }

  create(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    saveRecord(this.folder, this.record)
  }

  async start(options: StartOptions): Promise<void> {
    try {
      this.#writeScripts(options)
      await startDetached(['sh', 'launch.sh'], this.folder)
    } catch (error) {
      this.#refuse(error as Error)
    }
    this.#attach()
    this.#around.changed(this)
    this.check()
  }

  /** Takes up a container that an earlier agent left; true if it had been started. */
  adopt(): boolean {
    if (this.record.end) return true
    const launcher = readIdentity(join(this.folder, 'launcher'))
    if (!launcher) return false
    if (!readIdentity(join(this.folder, 'pid'))) {
      // The agent was killed in the middle of a start: what there is of it goes, so that a second start is the only one.
      for (const one of [launcher, ...this.#around.cgroups.processes(this.record.cgroup).map(identify)]) if (one) signalProcess(one, 'SIGKILL')
      return false
    }
    this.#attach()
    this.check()
    return true
  }

  /** Looks whether it has ended; cheap, and safe at any time. */
  check(): void {
    if (this.record.end || !this.#init || this.#finishing) return
    const status = readIfThere(join(this.folder, 'exit'))
    if (status?.endsWith('\n')) this.#finishing = this.#finish(Number(status))
    else if (this.#launcher && !isAlive(this.#launcher) && !isAlive(this.#init)) this.#finishing = this.#finish(undefined)
  }

  signal(signal: NodeJS.Signals | number): void {
    if (this.#init) signalProcess(this.#init, signal)
  }

  /** Stop signal, then SIGKILL when the grace period is over. */
  async stop(gracePeriodSeconds: number): Promise<void> {
    if (this.state !== 'running') return
    const over = new Promise<void>((resolve) => this.#waiting.add(resolve))
    if (gracePeriodSeconds <= 0) this.signal('SIGKILL')
    else this.signal(signalNumber(this.record.config.stopSignal))
    const cancel = this.#around.clock.after(Math.max(0, gracePeriodSeconds) * 1000, () => this.signal('SIGKILL'))
    await over
    cancel()
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
    this.#around.cgroups.remove(this.record.cgroup)
  }

  /** Lets go of the descriptors; the container goes on. */
  detach(): void {
    this.#output?.close()
    this.#output = undefined
  }

  #writeScripts({ image, holder, target, hostname, shm }: StartOptions): void {
    const { config, id, cgroup } = this.record
    const { directory, cgroups, tools, scratch } = this.#around
    const prepared = prepareRoot({ folder: this.folder, image, config, devices: join(directory, 'devices'), shm, scratch })
    const env = completeEnvironment(config.env, { view: prepared.view, hostname, uid: config.user.uid })
    const path = env.findLast(([name]) => name === 'PATH')![1]
    const fault = whyNotExecutable(prepared.view, { command: config.argv[0] ?? '', path, workingDir: config.workingDir || '/' })
    if (fault) throw new Error(fault)
    cgroups.create(cgroup, config.resources)
    const setup = setupScript({
      tools,
      prepared,
      folder: this.folder,
      env,
      privileges: privilegeArguments(config),
      argv: config.argv,
      workingDir: config.workingDir,
      input: inputOf(config),
      tty: config.tty,
      ...(config.resources.oomScoreAdj === undefined ? {} : { oomScoreAdj: config.resources.oomScoreAdj }),
    })
    if (config.tty) requireTerminalTools()
    const command = containerCommand(this.#pidNamespace)
    const launcher = launcherScript({
      id,
      events: eventsFile(directory),
      holderPid: holder.pid,
      joinFiles: cgroups.joinFiles(cgroup),
      input: inputOf(config),
      command: config.tty ? ['unshare', '--mount', 'sh', 'terminal.sh'] : command,
      joinPid: this.#pidNamespace === 'pod' ? holder.pid : target?.pid,
    })
    const terminal = { devpts: join(this.folder, 'pts'), uid: config.user.uid, command: `exec ${command.map(quote).join(' ')}` }
    for (const [name, text] of [
      ...(config.tty ? ([['terminal.sh', `${containerTerminalScript(terminal)} <&6 >&3`]] as const) : []),
      ['fstab', prepared.fstab],
      ['setup.sh', setup],
      ['launch.sh', launcher],
    ] as const) {
      writeFileSync(join(this.folder, name), text, { mode: 0o600 })
    }
  }

  /** From now on, what it writes goes to `tap`, too. */
  tap(tap: OutputTap): () => void {
    return this.#output?.tap(tap) ?? (() => {})
  }

  /** Resolves when it has ended and its last output was given to all taps. */
  async ended(): Promise<void> {
    if (this.state === 'running') await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  #attach(): void {
    this.#init = readIdentity(join(this.folder, 'pid'))
    this.#launcher = readIdentity(join(this.folder, 'launcher'))
    this.#output = new OutputReader({ folder: this.folder, logFile: this.#logFile, clock: this.#around.clock })
  }

  #refuse(cause: Error): never {
    releaseLauncher(this.folder)
    const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: unable to start container process: ${cause.message}`
    const now = this.#around.clock.now()
    this.#end({ startedAtMs: 0, finishedAtMs: now, exitCode: 128, reason: 'StartError', message })
    throw new StartError(message, { cause })
  }

  async #finish(status: number | undefined): Promise<void> {
    // What kept its terminal may have been killed, not the container: without it there is no way back in.
    this.signal('SIGKILL')
    const startedAtMs = changedAtMs(join(this.folder, 'pid'))
    const finishedAtMs = changedAtMs(join(this.folder, 'exit')) ?? this.#around.clock.now()
    // Without a PID namespace of its own nothing ends the other processes when the first has.
    if (this.#pidNamespace !== 'container') this.#around.cgroups.kill(this.record.cgroup)
    await this.#output?.drain()
    const killedForMemory = status !== 0 && this.#around.cgroups.oomKills(this.record.cgroup) > 0
    const exitCode = status ?? 255
    const reason = killedForMemory ? 'OOMKilled' : status === undefined ? 'Unknown' : exitCode === 0 ? 'Completed' : 'Error'
    this.#end({ ...(startedAtMs === undefined ? {} : { startedAtMs }), finishedAtMs, exitCode, reason })
  }

  #end(end: NonNullable<ContainerRecord['end']>): void {
    this.record = { ...this.record, end }
    saveRecord(this.folder, this.record)
    this.#around.cgroups.remove(this.record.cgroup)
    this.#around.changed(this)
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

/** As containerd completes it: a PATH, the HOSTNAME and the user's HOME, each only where the container names none. */
export function completeEnvironment(
  env: readonly (readonly [string, string])[],
  options: { view: RootView; hostname: string; uid: number },
): (readonly [string, string])[] {
  const given = new Set(env.map(([name]) => name))
  const defaults: (readonly [string, string])[] = [
    ['PATH', defaultPath],
    ['HOSTNAME', options.hostname],
    ['HOME', homeOf(options.view, options.uid)],
  ]
  return [...defaults.filter(([name]) => !given.has(name)), ...env]
}

function homeOf(view: RootView, uid: number): string {
  const passwd = view.find('/etc/passwd')
  const lines = passwd?.stats.isFile() ? (readIfThere(passwd.hostPath) ?? '').split('\n') : []
  return lines.map((line) => line.split(':')).find((fields) => fields[2] === String(uid))?.[5] || (uid === 0 ? '/root' : '/')
}

/** `SIGTERM`, `TERM`, `15` and `SIGRTMIN+3` as image configs have them; SIGTERM where it says nothing we know. */
export function signalNumber(name: string): number {
  const realtime = /^(?:SIG)?RTMIN(?:\+(\d+))?$/.exec(name)
  if (realtime) return 34 + Number(realtime[1] ?? 0)
  if (/^\d+$/.test(name)) return Number(name)
  const signals: Readonly<Record<string, number>> = constants.signals
  return signals[name.startsWith('SIG') ? name : `SIG${name}`] ?? constants.signals.SIGTERM
}

/** A terminal always has an input: only the container's end ends it. */
export const inputOf = ({ stdin, stdinOnce, tty }: Pick<ContainerRecord['config'], 'stdin' | 'stdinOnce' | 'tty'>): Input =>
  tty ? 'kept' : stdin ? (stdinOnce ? 'once' : 'kept') : 'none'

const changedAtMs = (file: string) => {
  const ms = statSync(file, { throwIfNoEntry: false })?.mtimeMs
  return ms === undefined ? undefined : Math.trunc(ms)
}
