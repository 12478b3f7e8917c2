import type { Node, Pod, PodCondition } from '../../base/api/generated/types.ts'
import { namespaces, nodes, persistentVolumeClaims, persistentVolumes, podDisruptionBudgets, pods, services, storageClasses } from '../../base/api/kinds.ts'
import { keyOf } from '../../base/api/object.ts'
import type { Client } from '../../base/client/client.ts'
import { createEventRecorder, type EventRecorder } from '../../base/client/events.ts'
import { createInformer } from '../../base/client/informer.ts'
import { stampOf } from '../../base/client/stamp.ts'
import type { Clock } from '../../base/lib/clock.ts'
import type { Log } from '../../base/lib/log.ts'
import type { MetricRegistry } from '../../base/lib/metrics.ts'
import { isStatusError } from '../../base/machinery/status-error.ts'
import { bindVolumes, waitingClaims } from './bind-volumes.ts'
import { decide, type Refused } from './cycle.ts'
import { unschedulableMessage } from './messages.ts'
import { createSchedulerMetrics, type AttemptResult, type SchedulerMetrics } from './metrics.ts'
import { plugins } from './plugins/index.ts'
import { evictVictims } from './preemption/evict-victims.ts'
import { findPreemption } from './preemption/preemption.ts'
import type { Candidate } from './preemption/victims.ts'
import { SchedulingQueue, type QueuedPod } from './queue.ts'
import { isFinished, priorityOf, SchedulerCache, type PodInfo } from './snapshot.ts'
import type { StorageView } from './storage-view.ts'

export interface SchedulerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Chooses among equally good nodes; default `Math.random`. */
  readonly random?: () => number
  readonly metrics?: MetricRegistry
}

export interface RunningScheduler {
  /** Resolves when its informers are filled and it places Pods. */
  readonly synced: Promise<void>
}

export const schedulerName = 'default-scheduler'

// A burst of Pods must not keep watch events, and the API in the same process, waiting.
const cyclesPerTurn = 32
const bindingsAtOnce = 256

/** Gives every Pod of `default-scheduler` without a node the best one that takes it. */
export const startScheduler = (options: SchedulerOptions): RunningScheduler => {
  const scheduler = new Scheduler(options)
  return { synced: scheduler.run() }
}

class Scheduler {
  readonly #options: SchedulerOptions
  readonly #log: Log
  readonly #queue: SchedulingQueue
  readonly #cache: SchedulerCache
  readonly #events: EventRecorder
  readonly #metrics: SchedulerMetrics | undefined
  readonly #informers
  readonly #storage: StorageView
  #ready = false
  #turnPlanned = false
  #binding = 0
  #start = 0

  constructor(options: SchedulerOptions) {
    const { client, clock, signal } = options
    this.#options = options
    this.#log = options.log.child({ part: 'scheduler' })
    const watching = { signal, clock, log: this.#log }
    this.#informers = {
      nodes: createInformer(client, nodes, watching),
      pods: createInformer(client, pods, watching),
      services: createInformer(client, services, watching),
      namespaces: createInformer(client, namespaces, watching),
      claims: createInformer(client, persistentVolumeClaims, watching),
      volumes: createInformer(client, persistentVolumes, watching),
      classes: createInformer(client, storageClasses, watching),
      budgets: createInformer(client, podDisruptionBudgets, watching),
    }
    const { claims, volumes, classes } = this.#informers
    this.#storage = {
      claim: (namespace, name) => claims.get(`${namespace}/${name}`),
      volume: (name) => volumes.get(name),
      volumes: () => volumes.list(),
      class: (name) => classes.get(name),
    }
    this.#cache = new SchedulerCache({
      servicesOf: (namespace) => this.#informers.services.list(namespace),
      labelsOfNamespace: (name) => this.#informers.namespaces.get(name)?.metadata.labels ?? {},
      storage: this.#storage,
    })
    this.#queue = new SchedulingQueue({ clock, onActive: () => this.#planTurn() })
    this.#events = createEventRecorder({ client, clock, log: this.#log, component: schedulerName })
    this.#metrics = options.metrics && createSchedulerMetrics(options.metrics, { profile: schedulerName, pending: () => this.#queue.pending() })
    signal.addEventListener('abort', () => this.#queue.close(), { once: true })
  }

  async run(): Promise<void> {
    this.#informers.nodes.onChange((change) => this.#nodeChanged(change))
    this.#informers.pods.onChange((change) => this.#podChanged(change))
    for (const informer of [this.#informers.claims, this.#informers.volumes, this.#informers.classes]) informer.onChange(() => this.#queue.wake('storage'))
    this.#informers.namespaces.onChange(({ old }) => old && this.#queue.wake('affine'))
    await Promise.all(Object.values(this.#informers).map((informer) => informer.synced))
    this.#ready = true
    this.#planTurn()
  }

  #nodeChanged({ old, object }: { old?: Node; object?: Node }): void {
    if (object) this.#cache.setNode(object)
    else if (old) this.#cache.removeNode(old.metadata.name)
    if (object && (!old || whatMatters(old) !== whatMatters(object))) this.#queue.wake('all')
  }

  #podChanged({ old, object }: { old?: Pod; object?: Pod }): void {
    if (!object) return old && this.#podGone(keyOf(old))
    const key = keyOf(object)
    const wasPlaced = this.#cache.isPlaced(key)
    this.#cache.setPod(object)
    if (wasPlaced && !this.#cache.isPlaced(key)) this.#queue.wake('all')
    if (object.spec.nodeName || isFinished(object) || object.metadata.deletionTimestamp) {
      this.#queue.remove(key)
      if (object.spec.nodeName && !old?.spec.nodeName) this.#queue.wake('affine')
    } else if (isOurs(object) && !this.#cache.isPlaced(key)) {
      this.#queue.set(object)
    }
  }

  #podGone(key: string): void {
    this.#queue.remove(key)
    if (!this.#cache.isPlaced(key)) return
    this.#cache.removePod(key)
    this.#queue.wake('all')
  }

  #planTurn(): void {
    if (this.#turnPlanned || !this.#ready) return
    this.#turnPlanned = true
    setImmediate(() => {
      this.#turnPlanned = false
      this.#turn()
    })
  }

  #turn(): void {
    for (let cycle = 0; cycle < cyclesPerTurn; cycle++) {
      if (this.#options.signal.aborted || this.#binding >= bindingsAtOnce) return
      const queued = this.#queue.take()
      if (!queued) return
      this.#schedule(queued)
    }
    this.#planTurn()
  }

  #schedule(queued: QueuedPod): void {
    const { info } = queued
    const startedMs = this.#options.clock.monotonic()
    const snapshot = this.#cache.snapshot()
    const decision = decide(info, snapshot, { plugins, start: this.#start, ...randomOf(this.#options) })
    this.#start = snapshot.nodes.length === 0 ? 0 : (this.#start + 1) % snapshot.nodes.length
    if ('node' in decision) {
      this.#cache.assume(info, decision.node)
      void this.#bind(queued, decision.node, startedMs)
    } else {
      this.#attempted('unschedulable', startedMs)
      this.#queue.failed(queued, 'unschedulable')
      this.#refused(info, decision)
    }
  }

  /** Makes room where Pods of lower priority are in the way, and says why the Pod waits. */
  #refused(info: PodInfo, { refusals, nodeCount }: Refused): void {
    const preemption = findPreemption(info, this.#cache.snapshot(), { plugins, budgets: this.#informers.budgets.list(), refusals, ...randomOf(this.#options) })
    if ('victims' in preemption) {
      void this.#makeRoom(info, preemption)
      return this.#report(info.pod, { reason: 'Unschedulable', message: unschedulableMessage(refusals, nodeCount), nominated: preemption.node })
    }
    const message = unschedulableMessage(refusals, nodeCount, preemption.message)
    if (preemption.isWaiting) return this.#report(info.pod, { reason: 'Unschedulable', message })
    this.#cache.promise(info, undefined)
    this.#report(info.pod, { reason: 'Unschedulable', message, nominated: null })
  }

  async #makeRoom(info: PodInfo, candidate: Candidate): Promise<void> {
    const outdone = this.#cache.snapshot().promisedOn(candidate.node)
    this.#cache.promise(info, candidate.node)
    for (const other of outdone) if (priorityOf(other) < priorityOf(info)) this.#withdraw(other)
    try {
      await evictVictims(info.pod, candidate, { ...this.#options, events: this.#events })
    } catch (error) {
      this.#log.warn({ pod: info.key, node: candidate.node, error: (error as Error).message }, 'room could not be made')
      this.#withdraw(info)
    }
  }

  /** What was promised to a Pod is void: it looks for room again. */
  #withdraw(info: PodInfo): void {
    this.#cache.promise(info, undefined)
    const { namespace, name, uid } = info.pod.metadata
    const body = { metadata: { uid }, status: { nominatedNodeName: null } }
    this.#options.client
      .patch(pods, { namespace, name }, body, { type: 'merge', subresource: 'status' })
      .catch((error: Error) => this.#unwritten(info.pod, error))
    this.#queue.wake('all')
  }

  async #bind(queued: QueuedPod, node: string, startedMs: number): Promise<void> {
    const { pod, key } = queued.info
    const { namespace, name, uid } = pod.metadata
    if (waitingClaims(pod, this.#storage).length > 0 && !(await this.#bindVolumes(queued, node, startedMs))) return
    this.#binding++
    try {
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { namespace, name, uid }, target: { kind: 'Node', name: node } }
      await this.#options.client.createSubresource(pods, { namespace, name }, 'binding', binding)
      this.#attempted('scheduled', startedMs)
      this.#events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${node}`)
    } catch (error) {
      this.#attempted('error', startedMs)
      this.#bindingFailed(queued, error as Error)
    } finally {
      this.#binding--
      this.#planTurn()
    }
  }

  async #bindVolumes(queued: QueuedPod, name: string, startedMs: number): Promise<boolean> {
    try {
      const node = this.#cache.node(name)
      if (node) await bindVolumes({ ...this.#options, claims: this.#informers.claims, storage: this.#storage }, queued.info.pod, node)
      return true
    } catch (error) {
      this.#attempted('error', startedMs)
      this.#bindingFailed(queued, new Error(`running PreBind plugin "VolumeBinding": ${(error as Error).message}`, { cause: error }))
      return false
    }
  }

  #attempted(result: AttemptResult, startedMs: number): void {
    this.#metrics?.attempted(result, (this.#options.clock.monotonic() - startedMs) / 1000)
  }

  #bindingFailed(queued: QueuedPod, error: Error): void {
    const { pod, key } = queued.info
    if (this.#options.signal.aborted) return
    this.#cache.forget(key)
    this.#queue.wake('all')
    // Gone, replaced by another of its name, or placed by somebody else.
    const current = this.#informers.pods.get(key)
    if (isStatusError(error, 'NotFound') || current?.metadata.uid !== pod.metadata.uid || current.spec.nodeName) return
    this.#queue.failed(queued, 'error')
    this.#report(pod, { reason: 'SchedulerError', message: `binding rejected: ${error.message}` })
  }

  #report(pod: Pod, report: Report): void {
    this.#events.event(pod, 'Warning', 'FailedScheduling', report.message)
    void this.#write(this.#informers.pods.get(keyOf(pod)) ?? pod, report).catch((error: Error) => this.#unwritten(pod, error))
  }

  #unwritten(pod: Pod, error: Error): void {
    this.#log.debug({ pod: keyOf(pod), error: error.message }, "the Pod's status could not be written")
  }

  async #write(pod: Pod, { reason, message, nominated }: Report): Promise<void> {
    const old = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
    const isSaid = old?.status === 'False' && old.reason === reason && old.message === message
    if (isSaid && (nominated === undefined || nominated === (pod.status?.nominatedNodeName ?? null))) return
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: old?.status === 'False' && old.lastTransitionTime ? old.lastTransitionTime : stampOf(this.#options.clock.now()),
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    }
    const { namespace, name } = pod.metadata
    const status = { conditions: [condition], ...(nominated === undefined ? {} : { nominatedNodeName: nominated }) }
    await this.#options.client.patch(pods, { namespace, name }, { status }, { type: 'strategic', subresource: 'status' })
  }
}

/** Why a Pod waits. */
interface Report {
  readonly reason: string
  readonly message: string
  /** Where room is made for it; null: nowhere (any more); undefined: as it was. */
  readonly nominated?: string | null
}

const randomOf = ({ random }: SchedulerOptions): Pick<SchedulerOptions, 'random'> => (random ? { random } : {})

const isOurs = ({ spec }: Pod): boolean => (!spec.schedulerName || spec.schedulerName === schedulerName) && !spec.schedulingGates?.length

/** What of a node can let a Pod in; heartbeats cannot. */
const whatMatters = ({ metadata, spec, status }: Node): string => JSON.stringify([metadata.labels, spec, status?.allocatable])
