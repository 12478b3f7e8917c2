import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pods } from '../../base/api/kinds.ts'
import type { Container, Pod } from '../../base/api/generated/types.ts'
import { stampOf } from '../../base/client/stamp.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import type { RuntimeContainer } from '../runtime/runtime.ts'
import { fieldContextOf, startContainer, StartFailure } from './container-starter.ts'
import { stopContainer } from './container-stopper.ts'
import type { Refusal } from './admission.ts'
import type { NodeContext } from './node-context.ts'
import { latestOf, podActions, type PodAction } from './pod-actions.ts'
import { containerSlots, fieldPathOf, formatPod, hostnameOf } from './pod-names.ts'
import { readRuntimeState, type PodRuntimeState } from './pod-runtime-state.ts'
import { podStatus } from './pod-status.ts'
import { ContainerProbes } from './probes/container-probes.ts'
import { runHandler } from './probes/handlers.ts'
import { claimPath } from './shared-references.ts'
import { StatusWriter } from './status-writer.ts'
import { PodVolumes } from './volumes/pod-volumes.ts'
import type { PodPhase } from './pod-phase.ts'

export interface PodWorkerOptions {
  readonly node: NodeContext
  readonly pod: Pod
  /** Found in the runtime at the start of the agent. */
  readonly sandboxIds: readonly string[]
  /** Asked once, before anything is made for the Pod. */
  readonly admit: (pod: Pod) => Refusal | undefined
  /** A sandbox was made for the Pod. */
  readonly onSandbox: (sandboxId: string) => void
  /** Everything of the Pod is gone from the machine and the API. */
  readonly onDone: () => void
}

interface Verdict extends Partial<Refusal> {
  readonly phase: PodPhase
}

const imageRetryMs = 5_000
const emptyState: PodRuntimeState = { sandboxes: [], sandbox: undefined, containers: [] }

// What has ended stays ended, also for an agent that starts anew.
const finalVerdict = ({ status }: Pod): Verdict | undefined =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed'
    ? { phase: status.phase, ...(status.reason ? { reason: status.reason } : {}), ...(status.message ? { message: status.message } : {}) }
    : undefined

/** Brings one Pod's containers to what its spec asks, and its status to what they are. Wakes are merged; one pass runs at a time. */
export class PodWorker {
  readonly #node: NodeContext
  readonly #options: PodWorkerOptions
  readonly #folder: string
  readonly #volumes: PodVolumes
  readonly #status: StatusWriter
  readonly #startTime: string
  readonly #sandboxIds: string[]
  readonly #probes = new Map<string, ContainerProbes>()
  readonly #stopping = new Map<string, number>()
  readonly #waiting = new Map<string, { reason: string; message?: string }>()
  readonly #notBefore = new Map<string, number>()
  readonly #messages = new Map<string, string>()
  #pod: Pod
  #state = emptyState
  #verdict: Verdict | undefined
  #isAdmitted = false
  #isRemoved = false
  #isDone = false
  #volumesAreDirty = true
  #mountFailures = 0
  #running: Promise<void> | undefined
  #isWoken = false
  #cancelTimer = () => {}
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(options: PodWorkerOptions) {
    const { node, pod } = options
    this.#options = options
    this.#node = node
    this.#pod = pod
    this.#sandboxIds = [...options.sandboxIds]
    this.#folder = join(node.directory, 'pods', pod.metadata.uid)
    this.#volumes = new PodVolumes(this.#folder)
    this.#verdict = finalVerdict(pod)
    this.#startTime = pod.status?.startTime ?? stampOf(node.clock.now())
    this.#status = new StatusWriter({
      client: node.client,
      clock: node.clock,
      log: node.log,
      signal: node.signal,
      current: () => this.#pod,
      onFresh: (fresh) => this.#learn(fresh),
      statusOf: (current) => this.#statusOf(current),
    })
  }

  get pod(): Pod {
    return this.#pod
  }

  get state(): PodRuntimeState {
    return this.#state
  }

  /** Whether the Pod counts against the node's resources. */
  get isActive(): boolean {
    return this.#isAdmitted && !this.#verdict && !['Succeeded', 'Failed'].includes(this.#pod.status?.phase ?? '')
  }

  get logDirectory(): string {
    const { namespace, name, uid } = this.#pod.metadata
    return join(this.#node.directory, 'logs', `${namespace}_${name}_${uid}`)
  }

  update(pod: Pod): void {
    if (pod.metadata.resourceVersion === this.#pod.metadata.resourceVersion) return
    const shown = ({ metadata: { labels, annotations }, spec }: Pod) => JSON.stringify([labels, annotations, spec.volumes])
    if (shown(pod) !== shown(this.#pod)) this.#volumesAreDirty = true
    this.#learn(pod)
    this.wake()
  }

  /** The API no longer has the Pod. */
  remove(): void {
    this.#isRemoved = true
    this.wake()
  }

  /** Something the Pod refers to changed. */
  refresh(): void {
    this.#volumesAreDirty = true
    this.#notBefore.clear()
    this.wake()
  }

  refersTo(kind: 'ConfigMap' | 'Secret', name: string): boolean {
    return JSON.stringify([this.#pod.spec.volumes, this.#pod.spec.containers, this.#pod.spec.initContainers]).includes(`"${name}"`) && kind.length > 0
  }

  wake(): void {
    if (this.#isDone || this.#node.signal.aborted) return
    this.#isWoken = true
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  /** Lets go without touching what runs: the agent ends, the containers stay. */
  async close(): Promise<void> {
    this.#cancelTimer()
    for (const probes of this.#probes.values()) probes.close()
    await this.#running
  }

  #learn(pod: Pod): void {
    if (pod.metadata.uid !== this.#pod.metadata.uid) return
    if (Number(pod.metadata.resourceVersion) >= Number(this.#pod.metadata.resourceVersion)) this.#pod = pod
  }

  async #run(): Promise<void> {
    while (this.#isWoken && !this.#isDone && !this.#node.signal.aborted) {
      this.#isWoken = false
      this.#cancelTimer()
      this.#timerAtMs = Number.POSITIVE_INFINITY
      try {
        await this.#pass()
      } catch (error) {
        this.#node.log.warn({ pod: formatPod(this.#pod), error: (error as Error).message }, 'the Pod could not be brought forward')
        this.#wakeIn(2_000)
      }
    }
  }

  #wakeIn(ms: number): void {
    const at = this.#node.clock.monotonic() + ms
    if (at >= this.#timerAtMs) return
    this.#cancelTimer()
    this.#timerAtMs = at
    this.#cancelTimer = this.#node.clock.after(ms, () => this.wake())
  }

  get #isEnding(): boolean {
    return this.#isRemoved || this.#verdict !== undefined || this.#pod.metadata.deletionTimestamp !== undefined
  }

  async #pass(): Promise<void> {
    await this.#read()
    this.#admit()
    this.#checkDeadline()
    if (!this.#isEnding && !['Succeeded', 'Failed'].includes(this.#pod.status?.phase ?? '') && !(await this.#setUpVolumes())) return this.#status.write()
    this.#shortenGrace()
    for (let round = 0; round < 20 && (await this.#act()); round++) await this.#read()
    await this.#read()
    this.#status.write()
    if (this.#isEnding && this.#isStopped()) await this.#finish()
  }

  async #read(): Promise<void> {
    this.#state = await readRuntimeState({
      runtime: this.#node.runtime,
      pod: this.#pod,
      podFolder: this.#folder,
      logDirectory: this.logDirectory,
      sandboxIds: this.#sandboxIds,
      messages: this.#messages,
    })
    this.#followProbes()
  }

  #isStopped(): boolean {
    return !this.#stopping.size && !this.#state.containers.some((container) => container.state === 'running')
  }

  #admit(): void {
    if (this.#isAdmitted) return
    this.#isAdmitted = true
    if (this.#isEnding || this.#state.sandbox || this.#pod.status?.startTime) return
    const refusal = this.#options.admit(this.#pod)
    if (!refusal) return
    this.#verdict = { phase: 'Failed', reason: refusal.reason, message: `Pod was rejected: ${refusal.message}` }
    this.#node.recorder.event(this.#pod, 'Warning', refusal.reason, refusal.message)
  }

  #checkDeadline(): void {
    const seconds = this.#pod.spec.activeDeadlineSeconds
    if (seconds === undefined || this.#isEnding || ['Succeeded', 'Failed'].includes(this.#pod.status?.phase ?? '')) return
    const leftMs = Date.parse(this.#startTime) + seconds * 1000 - this.#node.clock.now()
    if (leftMs > 0) return this.#wakeIn(leftMs)
    const message = 'Pod was active on the node longer than the specified deadline'
    this.#verdict = { phase: 'Failed', reason: 'DeadlineExceeded', message }
    this.#node.recorder.event(this.#pod, 'Normal', 'DeadlineExceeded', message)
  }

  /** False where a volume is missing: nothing is started then. */
  async #setUpVolumes(): Promise<boolean> {
    const { node } = this
    if (node.runtime.name === 'simulated') return true
    const dueMs = (node.tokens.refreshAtMs(this.#pod.metadata.uid) ?? Number.POSITIVE_INFINITY) - node.clock.now()
    if (!this.#volumesAreDirty && dueMs > 0) return (Number.isFinite(dueMs) && this.#wakeIn(dueMs), true)
    this.#volumesAreDirty = false
    try {
      await mkdir(this.#folder, { recursive: true })
      await this.#volumes.setUp(this.#pod, {
        context: fieldContextOf(node, this.#pod, this.#state.sandbox),
        references: node.references,
        token: (options) => node.tokens.token(node.client, this.#pod, options),
        claimPath: (namespace, claim) => claimPath(node.client, namespace, claim),
        nowMs: node.clock.now(),
      })
      this.#mountFailures = 0
      const refreshMs = node.tokens.refreshAtMs(this.#pod.metadata.uid)
      if (refreshMs !== undefined) this.#wakeIn(Math.max(1000, refreshMs - node.clock.now()))
      return true
    } catch (error) {
      this.#volumesAreDirty = true
      node.recorder.event(this.#pod, 'Warning', 'FailedMount', (error as Error).message)
      this.#wakeIn(Math.min(500 * 2 ** this.#mountFailures++, 120_000))
      return this.#state.containers.length > 0
    }
  }

  get node(): NodeContext {
    return this.#node
  }

  /** Decides and acts once; true where something changed and it is worth deciding again. */
  async #act(): Promise<boolean> {
    const { clock, restartBackoff } = this.#node
    const actions = podActions({
      pod: this.#pod,
      sandbox: this.#state.sandbox,
      containers: this.#state.containers,
      ending: this.#isEnding,
      stopping: new Set(this.#stopping.keys()),
      remainingBackoffMs: (name, finishedAtMs) => restartBackoff.remainingMs(this.#backoffKey(name), finishedAtMs, clock.now()),
      probes: {
        hasStarted: (id) => this.#probes.get(id)?.hasStarted ?? true,
        failed: (id) => this.#probes.get(id)?.failed,
      },
    })
    let changed = false
    for (const action of actions) changed = (await this.#perform(action)) || changed
    return changed
  }

  #backoffKey(name: string): string {
    return `${this.#pod.metadata.uid}/${name}`
  }

  async #perform(action: PodAction): Promise<boolean> {
    switch (action.type) {
      case 'runSandbox':
        return this.#runSandbox(action.attempt)
      case 'start':
        return this.#start(action.container, action.attempt)
      case 'backOff':
        return this.#backOff(action.container, action.remainingMs)
      case 'stop':
        return this.#stop(action)
      case 'stopSandbox':
        return this.#stopSandboxes()
    }
  }

  async #stopSandboxes(): Promise<boolean> {
    if (this.#stopping.size) return false
    for (const sandbox of this.#state.sandboxes) await this.#node.runtime.stopPodSandbox(sandbox.id)
    return false
  }

  async #runSandbox(attempt: number): Promise<boolean> {
    const { runtime, config, clock, recorder } = this.#node
    const { namespace = '', name, uid } = this.#pod.metadata
    const { spec } = this.#pod
    if ((this.#notBefore.get('') ?? 0) > clock.monotonic()) return (this.#wakeIn((this.#notBefore.get('') ?? 0) - clock.monotonic()), false)
    if (attempt > 0) recorder.event(this.#pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.')
    for (const sandbox of this.#state.sandboxes) await runtime.stopPodSandbox(sandbox.id)
    try {
      const id = await runtime.runPodSandbox({
        namespace,
        name,
        uid,
        attempt,
        hostname: spec.hostNetwork ? config.name : hostnameOf(this.#pod),
        hostNetwork: spec.hostNetwork ?? false,
        node: config.name,
        logDirectory: this.logDirectory,
        cgroupParent: `kubepods/pod${uid}`,
        sysctls: Object.fromEntries((spec.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
      })
      this.#sandboxIds.push(id)
      this.#options.onSandbox(id)
      return true
    } catch (error) {
      recorder.event(this.#pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${(error as Error).message}`)
      this.#notBefore.set('', clock.monotonic() + 3_000)
      this.#wakeIn(3_000)
      return false
    }
  }

  async #start(container: Container, attempt: number): Promise<boolean> {
    const { clock, restartBackoff } = this.#node
    const { sandbox, containers } = this.#state
    const { name } = container
    const waitMs = (this.#notBefore.get(name) ?? 0) - clock.monotonic()
    if (waitMs > 0 || !sandbox) return (this.#wakeIn(waitMs), false)
    try {
      if (latestOf(containers, name)?.state === 'exited') restartBackoff.next(this.#backoffKey(name), clock.now())
      const waitingReason = this.#waiting.get(name)?.reason
      await startContainer(this.#node, {
        pod: this.#pod,
        container,
        attempt,
        sandbox,
        podFolder: this.#folder,
        pathOf: (volume) => this.#volumes.pathOf(volume),
        waitingReason,
      })
      this.#waiting.delete(name)
      this.#notBefore.delete(name)
      await this.#dropOld(name, attempt)
      return true
    } catch (error) {
      const failure = error instanceof StartFailure ? error : new StartFailure('RunContainerError', (error as Error).message)
      const delayMs = failure.isImage ? imageRetryMs : 10_000
      this.#waiting.set(name, { reason: failure.reason, message: failure.message })
      this.#notBefore.set(name, clock.monotonic() + delayMs)
      this.#wakeIn(delayMs)
      return false
    }
  }

  // The last attempt stays for its log and its exit code.
  async #dropOld(name: string, attempt: number): Promise<void> {
    const old = this.#state.containers.filter((one) => one.config.name === name && one.config.attempt < attempt - 1 && one.state !== 'running')
    for (const container of old) {
      await this.#node.runtime.removeContainer(container.id)
      await rm(join(this.logDirectory, container.config.logPath), { force: true })
    }
  }

  #backOff(container: Container, remainingMs: number): boolean {
    const { restartBackoff, recorder } = this.#node
    const seconds = Math.round(restartBackoff.delayMs(this.#backoffKey(container.name)) / 1000)
    const words = seconds >= 60 ? `${Math.floor(seconds / 60)}m${seconds % 60}s` : `${seconds}s`
    const message = `back-off ${words} restarting failed container=${container.name} pod=${formatPod(this.#pod)}`
    if (this.#waiting.get(container.name)?.message !== message) {
      recorder.event(this.#pod, 'Warning', 'BackOff', `Back-off restarting failed container ${container.name} in pod ${formatPod(this.#pod)}`, {
        fieldPath: fieldPathOf(this.#pod, container.name),
      })
    }
    this.#waiting.set(container.name, { reason: 'CrashLoopBackOff', message })
    this.#wakeIn(remainingMs)
    return false
  }

  #graceSeconds(container: Container, cause: string): number {
    const { metadata, spec } = this.#pod
    const ofSpec = spec.terminationGracePeriodSeconds ?? 30
    if (cause === 'liveness' || cause === 'startup') return container[`${cause}Probe`]?.terminationGracePeriodSeconds ?? ofSpec
    return cause === 'ending' ? (metadata.deletionGracePeriodSeconds ?? ofSpec) : ofSpec
  }

  /** Begins to stop a container; the worker is woken when it has ended. */
  #stop({ containerId, name, cause }: Extract<PodAction, { type: 'stop' }>): boolean {
    const container = containerSlots(this.#pod).find((slot) => slot.container.name === name)?.container
    if (!container) return false
    const graceSeconds = this.#graceSeconds(container, cause)
    const message = cause === 'liveness' || cause === 'startup' ? `Container ${name} failed ${cause} probe, will be restarted` : `Stopping container ${name}`
    const ip = fieldContextOf(this.#node, this.#pod, this.#state.sandbox).podIP ?? ''
    this.#stopping.set(containerId, graceSeconds)
    this.#probes.get(containerId)?.close()
    void stopContainer(this.#node, { pod: this.#pod, container, containerId, ip, graceSeconds, message })
      .catch((error: Error) => this.#node.log.warn({ containerId, error: error.message }, 'container not stopped'))
      .finally(() => {
        this.#stopping.delete(containerId)
        this.wake()
      })
    return false
  }

  // `kubectl delete --now` after a plain delete: who is being stopped gets the new, shorter time.
  #shortenGrace(): void {
    const grace = this.#pod.metadata.deletionTimestamp ? this.#pod.metadata.deletionGracePeriodSeconds : undefined
    if (grace === undefined) return
    for (const [id, seconds] of this.#stopping) {
      if (grace >= seconds) continue
      this.#stopping.set(id, grace)
      void this.#node.runtime.stopContainer(id, grace).catch(() => undefined)
    }
  }

  #followProbes(): void {
    const running = new Set(this.#state.containers.filter((container) => container.state === 'running').map((container) => container.id))
    for (const [id, probes] of this.#probes) {
      if (running.has(id)) continue
      probes.close()
      this.#probes.delete(id)
    }
    for (const container of this.#state.containers) if (running.has(container.id) && !this.#probes.has(container.id)) this.#beginProbes(container)
  }

  #beginProbes(running: RuntimeContainer): void {
    const slot = containerSlots(this.#pod).find((one) => one.container.name === running.config.name)
    if (!slot || slot.role === 'init' || this.#isEnding) return
    const { container } = slot
    const { runtime, clock, recorder } = this.#node
    const probes = new ContainerProbes({
      container,
      clock,
      startedAtMs: running.startedAtMs ?? clock.now(),
      ask: (probe) =>
        runHandler(probe, {
          runtime,
          container,
          containerId: running.id,
          ip: fieldContextOf(this.#node, this.#pod, this.#state.sandbox).podIP ?? '',
          timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
        }),
      onChange: () => this.wake(),
      onUnhealthy: (kind, message) =>
        recorder.event(this.#pod, 'Warning', 'Unhealthy', `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${message}`, {
          fieldPath: fieldPathOf(this.#pod, container.name),
        }),
    })
    this.#probes.set(running.id, probes)
  }

  #statusOf(pod: Pod) {
    return podStatus({
      pod,
      sandbox: this.#state.sandbox,
      containers: this.#state.containers,
      hostIP: this.#node.config.internalIP,
      startTime: this.#startTime,
      nowMs: this.#node.clock.now(),
      waiting: this.#waiting,
      isTerminal: this.#isEnding && this.#isStopped(),
      isReady: (id) => !this.#stopping.has(id) && (this.#probes.get(id)?.isReady ?? true),
      hasStarted: (id) => this.#probes.get(id)?.hasStarted ?? true,
      ...(this.#verdict ? { verdict: this.#verdict } : {}),
    })
  }

  /** The containers have ended: the last status, then the volumes, then the object, then what the runtime keeps. */
  async #finish(): Promise<void> {
    const { runtime, client, log } = this.#node
    await this.#status.settled()
    await this.#volumes.tearDown(this.#pod)
    if (!this.#isRemoved && this.#pod.metadata.deletionTimestamp) {
      const { namespace, name, uid } = this.#pod.metadata
      await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } }).catch((error: unknown) => {
        if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error
      })
    }
    if (!this.#isRemoved) return
    for (const container of this.#state.containers) await runtime.removeContainer(container.id)
    for (const sandbox of this.#state.sandboxes) {
      await runtime.stopPodSandbox(sandbox.id)
      await runtime.removePodSandbox(sandbox.id)
    }
    await rm(this.#folder, { recursive: true, force: true })
    await rm(this.logDirectory, { recursive: true, force: true })
    this.#node.tokens.forget(this.#pod.metadata.uid)
    this.#node.restartBackoff.forget(`${this.#pod.metadata.uid}/`)
    this.#node.imageBackoff.forget(`${this.#pod.metadata.uid}/`)
    this.#isDone = true
    this.#cancelTimer()
    log.debug({ pod: formatPod(this.#pod) }, 'gone')
    this.#options.onDone()
  }
}
