import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pods } from '../../base/api/kinds.ts'
import type { Pod } from '../../base/api/generated/types.ts'
import { stampOf } from '../../base/client/stamp.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import type { Refusal } from './admission.ts'
import { ContainerStarts } from './container-starts.ts'
import { ContainerStops } from './container-stops.ts'
import type { NodeContext } from './node-context.ts'
import { podActions, type PodAction } from './pod-actions.ts'
import type { PodContext } from './pod-context.ts'
import { formatPod } from './pod-names.ts'
import { readRuntimeState, type PodRuntimeState } from './pod-runtime-state.ts'
import { PodSandboxes } from './pod-sandboxes.ts'
import { podStatus } from './pod-status.ts'
import { deadlineVerdict, formerVerdict, hasEnded, leftToDeadlineMs, type Verdict } from './pod-verdict.ts'
import { PostStartHooks } from './post-start-hooks.ts'
import { PodProbes } from './probes/pod-probes.ts'
import { StatusWriter } from './status-writer.ts'
import { VolumeSetup } from './volumes/volume-setup.ts'
import { Wakes } from './wakes.ts'

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

const retryMs = 2_000
const slowPassMs = 300
const emptyState: PodRuntimeState = { sandboxes: [], sandbox: undefined, containers: [] }

/** Brings one Pod's containers to what its spec asks, and its status to what they are. */
export class PodWorker implements PodContext {
  readonly node: NodeContext
  readonly folder: string
  readonly logDirectory: string
  readonly #options: PodWorkerOptions
  readonly #startTime: string
  readonly #wakes: Wakes
  readonly #volumes: VolumeSetup
  readonly #sandboxes: PodSandboxes
  readonly #starts: ContainerStarts
  readonly #stops: ContainerStops
  readonly #hooks: PostStartHooks
  readonly #probes: PodProbes
  readonly #status: StatusWriter
  /** Last words of containers, by id. */
  readonly #messages = new Map<string, string>()
  #pod: Pod
  #state = emptyState
  #stoppingBefore: ReadonlySet<string> = new Set()
  #verdict: Verdict | undefined
  #isAdmitted = false
  #isRemoved = false

  constructor(options: PodWorkerOptions) {
    const { node, pod } = options
    const { namespace, name, uid } = pod.metadata
    this.#options = options
    this.node = node
    this.#pod = pod
    this.folder = join(node.directory, 'pods', uid)
    this.logDirectory = join(node.directory, 'logs', `${namespace}_${name}_${uid}`)
    this.#verdict = formerVerdict(pod)
    this.#startTime = pod.status?.startTime ?? stampOf(node.clock.now())
    this.#wakes = this.#createWakes()
    this.#volumes = new VolumeSetup(this)
    this.#sandboxes = new PodSandboxes(this, { ids: options.sandboxIds, onSandbox: options.onSandbox })
    this.#hooks = new PostStartHooks(this)
    this.#starts = new ContainerStarts(this, { pathOf: (volume) => this.#volumes.pathOf(volume), hooks: this.#hooks })
    this.#stops = new ContainerStops(this)
    this.#probes = new PodProbes(this)
    this.#status = this.#createStatusWriter()
  }

  get pod(): Pod {
    return this.#pod
  }

  get state(): PodRuntimeState {
    return this.#state
  }

  /** Every sandbox that it has had. */
  get sandboxIds(): readonly string[] {
    return this.#sandboxes.ids
  }

  /** Whether the Pod counts against the node's resources. */
  get isActive(): boolean {
    return this.#isAdmitted && !this.#verdict && !hasEnded(this.#pod)
  }

  update(pod: Pod): void {
    if (pod.metadata.resourceVersion === this.#pod.metadata.resourceVersion) return
    const shown = ({ metadata: { labels, annotations }, spec }: Pod) => JSON.stringify([labels, annotations, spec.volumes])
    if (shown(pod) !== shown(this.#pod)) this.#volumes.markStale()
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
    this.#volumes.markStale()
    this.#starts.retryAtOnce()
    this.wake()
  }

  refersTo(kind: 'ConfigMap' | 'Secret', name: string): boolean {
    return JSON.stringify([this.#pod.spec.volumes, this.#pod.spec.containers, this.#pod.spec.initContainers]).includes(`"${name}"`) && kind.length > 0
  }

  wake(): void {
    this.#wakes.wake()
  }

  wakeIn(ms: number): void {
    this.#wakes.wakeIn(ms)
  }

  /** Lets go without touching what runs: the agent ends, the containers stay. */
  async close(): Promise<void> {
    this.#wakes.close()
    this.#probes.close()
    this.#starts.close()
    await this.#wakes.settled()
  }

  #createWakes(): Wakes {
    const { clock, signal, log } = this.node
    return new Wakes({
      clock,
      signal,
      retryMs,
      pass: () => this.#pass(),
      onError: ({ message }) => log.warn({ pod: formatPod(this.#pod), error: message }, 'the Pod could not be brought forward'),
    })
  }

  #createStatusWriter(): StatusWriter {
    const { client, clock, log, signal } = this.node
    return new StatusWriter({
      client,
      clock,
      log,
      signal,
      current: () => this.#pod,
      onFresh: (fresh) => this.#learn(fresh),
      statusOf: (current) => this.#statusOf(current),
    })
  }

  #learn(pod: Pod): void {
    if (pod.metadata.uid !== this.#pod.metadata.uid) return
    if (Number(pod.metadata.resourceVersion) >= Number(this.#pod.metadata.resourceVersion)) this.#pod = pod
  }

  get #isEnding(): boolean {
    return this.#isRemoved || this.#verdict !== undefined || this.#pod.metadata.deletionTimestamp !== undefined
  }

  get #isStopped(): boolean {
    return this.#stops.isIdle && !this.#state.containers.some((container) => container.state === 'running')
  }

  async #pass(): Promise<void> {
    // What takes long is told while it does.
    const tellNothing = this.node.clock.after(slowPassMs, () => this.#status.write())
    try {
      await this.#bringForward()
    } finally {
      tellNothing()
    }
  }

  async #bringForward(): Promise<void> {
    await this.#read()
    this.#admit()
    this.#checkDeadline()
    if (!this.#isEnding && !hasEnded(this.#pod) && !(await this.#volumes.bringUpToDate())) return this.#status.write()
    if (this.#isEnding) this.#starts.close()
    this.#stops.shortenGrace({ isRemoved: this.#isRemoved })
    for (let round = 0; round < 20 && (await this.#act()); round++) await this.#read()
    await this.#read()
    this.#status.write()
    if (this.#isEnding && this.#isStopped) await this.#finish()
  }

  async #read(): Promise<void> {
    // Who ends while this is read is seen running still, and must not be stopped anew.
    this.#stoppingBefore = this.#stops.containerIds
    this.#state = await readRuntimeState({
      runtime: this.node.runtime,
      pod: this.#pod,
      podFolder: this.folder,
      logDirectory: this.logDirectory,
      sandboxIds: this.#sandboxes.ids,
      messages: this.#messages,
    })
    this.#probes.follow({ isEnding: this.#isEnding, isHeld: (id) => this.#hooks.isHeld(id) })
  }

  #admit(): void {
    if (this.#isAdmitted) return
    this.#isAdmitted = true
    if (this.#isEnding || this.#state.sandbox || this.#pod.status?.startTime) return
    const refusal = this.#options.admit(this.#pod)
    if (!refusal) return
    this.#verdict = { phase: 'Failed', reason: refusal.reason, message: `Pod was rejected: ${refusal.message}` }
    this.node.recorder.event(this.#pod, 'Warning', refusal.reason, refusal.message)
  }

  #checkDeadline(): void {
    const leftMs = leftToDeadlineMs(this.#pod, { startTime: this.#startTime, nowMs: this.node.clock.now() })
    if (leftMs === undefined || this.#isEnding || hasEnded(this.#pod)) return
    if (leftMs > 0) return this.wakeIn(leftMs)
    this.#verdict = deadlineVerdict
    this.node.recorder.event(this.#pod, 'Normal', deadlineVerdict.reason, deadlineVerdict.message)
  }

  /** Decides and acts once; true where something changed and it is worth deciding again. */
  async #act(): Promise<boolean> {
    const actions = podActions({
      pod: this.#pod,
      sandbox: this.#state.sandbox,
      containers: this.#state.containers,
      ending: this.#isEnding,
      stopping: new Set([...this.#stoppingBefore, ...this.#stops.containerIds]),
      remainingBackoffMs: (name, finishedAtMs) => this.#starts.remainingBackoffMs(name, finishedAtMs),
      hooked: this.#hooks.containerIds,
      probes: {
        hasStarted: (id) => this.#probes.hasStarted(id),
        failed: (id) => (this.#hooks.hasFailed(id) ? 'postStart' : this.#probes.failed(id)),
      },
    })
    let changed = false
    for (const action of actions) changed = (await this.#perform(action)) || changed
    return changed
  }

  async #perform(action: PodAction): Promise<boolean> {
    switch (action.type) {
      case 'runSandbox':
        return this.#sandboxes.run(action.attempt)
      case 'start':
        return this.#starts.start(action.container, action.attempt)
      case 'backOff':
        this.#starts.backOff(action.container, action.remainingMs)
        return false
      case 'stop':
        this.#probes.letEnd(action.containerId)
        this.#stops.begin(action, { isRemoved: this.#isRemoved })
        return false
      case 'stopSandbox':
        if (this.#stops.isIdle) await this.#sandboxes.stop()
        return false
    }
  }

  #statusOf(pod: Pod) {
    return podStatus({
      pod,
      sandbox: this.#state.sandbox,
      containers: this.#state.containers.filter(({ id, state }) => state !== 'running' || !this.#hooks.isHeld(id)),
      hostIP: this.node.config.internalIP,
      startTime: this.#startTime,
      nowMs: this.node.clock.now(),
      waiting: this.#starts.waiting,
      isTerminal: this.#isEnding && this.#isStopped,
      isReady: (id) => this.#probes.isReady(id),
      hasStarted: (id) => this.#probes.hasStarted(id),
      ...(this.#verdict ? { verdict: this.#verdict } : {}),
    })
  }

  /** The containers have ended: the last status, then the volumes, then the object, then what the runtime keeps. */
  async #finish(): Promise<void> {
    await this.#status.settled()
    await this.#volumes.tearDown()
    if (!this.#isRemoved && this.#pod.metadata.deletionTimestamp) await this.#deleteObject()
    if (!this.#isRemoved) return
    const { tokens, restartBackoff, imageBackoff, log } = this.node
    const { uid } = this.#pod.metadata
    await this.#sandboxes.remove()
    await rm(this.folder, { recursive: true, force: true })
    await rm(this.logDirectory, { recursive: true, force: true })
    tokens.forget(uid)
    restartBackoff.forget(`${uid}/`)
    imageBackoff.forget(`${uid}/`)
    this.#wakes.close()
    log.debug({ pod: formatPod(this.#pod) }, 'gone')
    this.#options.onDone()
  }

  async #deleteObject(): Promise<void> {
    const { namespace, name, uid } = this.#pod.metadata
    await this.node.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } }).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error
    })
  }
}
