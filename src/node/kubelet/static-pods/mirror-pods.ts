import { nodes, pods } from '../../../base/api/kinds.ts'
import type { Pod } from '../../../base/api/generated/types.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import type { NodeContext } from '../node-context.ts'
import { statusPatch } from '../status-writer.ts'
import { Wakes } from '../wakes.ts'
import { mirrorName, mirrorNamespace, mirrorPod, mirrors, mirrorStatus, toldState } from './mirror-pod.ts'
import type { Part, PartState } from './part.ts'

const everyMs = 10_000
const healthTimeoutMs = 2_000
// Whoever waits for a deletion by name, as kubectl does, would miss it if the successor were there at once.
const comebackMs = 1_000

/** Keeps the mirror Pods of one node as its parts are: made anew when deleted, removed when their part is no longer known. */
export class MirrorPods {
  readonly #node: NodeContext
  readonly #parts: readonly Part[]
  readonly #pods = new Map<string, Pod>()
  readonly #states = new Map<string, PartState>()
  readonly #wakes: Wakes

  constructor(node: NodeContext, parts: readonly Part[]) {
    this.#node = node
    this.#parts = parts.filter((part) => part.node === node.config.name)
    this.#wakes = new Wakes({
      clock: node.clock,
      signal: node.signal,
      pass: () => this.#pass(),
      onError: (error) => node.log.debug({ error: error.message }, 'mirror Pods not written yet'),
      retryMs: 2_000,
    })
  }

  start(): void {
    this.#wakes.wake()
  }

  see(pod: Pod): void {
    this.#pods.set(pod.metadata.uid, pod)
    if (pod.metadata.deletionTimestamp) this.#wakes.wake()
  }

  lose(uid: string): void {
    if (this.#pods.delete(uid)) this.#wakes.wakeIn(comebackMs)
  }

  /** The part that a Pod shows. */
  find(namespace: string, name: string): Part | undefined {
    return namespace === mirrorNamespace ? this.#parts.find((part) => mirrorName(part) === name) : undefined
  }

  async close(): Promise<void> {
    this.#wakes.close()
    await this.#wakes.settled()
  }

  async #pass(): Promise<void> {
    const unwanted = [...this.#pods.values()].filter((pod) => !this.#isWanted(pod))
    for (const pod of unwanted) await this.#delete(pod)
    if (unwanted.length > 0) return this.#wakes.wakeIn(comebackMs)
    for (const part of this.#parts) await this.#show(part)
    if (this.#parts.length > 0) this.#wakes.wakeIn(everyMs)
  }

  #isWanted(pod: Pod): boolean {
    const part = this.find(pod.metadata.namespace ?? '', pod.metadata.name)
    return part !== undefined && mirrors(pod, part) && !pod.metadata.deletionTimestamp
  }

  async #show(part: Part): Promise<void> {
    const { client, clock, config } = this.#node
    const pod = [...this.#pods.values()].find((one) => one.metadata.name === mirrorName(part))
    const state = await this.#stateOf(part, pod)
    // A part that was never started is none.
    if (!state) return
    const shown = pod ?? (await this.#create(part))
    const status = statusPatch(shown.status ?? {}, mirrorStatus(part, state, { pod: shown, hostIP: config.internalIP, nowMs: clock.now() }))
    if (!status) return
    const { namespace, name, uid } = shown.metadata
    const fresh: Pod = await client.patch<Pod>(pods, { namespace, name }, { metadata: { uid }, status }, { type: 'merge', subresource: 'status' })
    this.#pods.set(uid, fresh)
  }

  async #create(part: Part): Promise<Pod> {
    const { client, clock, config } = this.#node
    const { metadata } = await client.get(nodes, { name: config.name })
    const pod = await client.create<Pod>(pods, mirrorPod(part, { nodeUid: metadata.uid, nowMs: clock.now() }))
    this.#pods.set(pod.metadata.uid, pod)
    return pod
  }

  async #delete({ metadata: { namespace, name, uid } }: Pod): Promise<void> {
    try {
      await this.#node.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
    } catch (error) {
      if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error
    }
    this.#pods.delete(uid)
  }

  /** What was known before, of this agent or told by the Pod, counts the restarts. */
  async #stateOf(part: Part, pod: Pod | undefined): Promise<PartState | undefined> {
    const running = part.process()
    const before: Partial<PartState> = this.#states.get(part.name) ?? (pod ? toldState(pod) : undefined) ?? {}
    const process = running ?? before.process
    if (!process) return undefined
    const isAnother = before.process !== undefined && before.process.id !== process.id
    const last = isAnother ? before.process : before.last
    const isHealthy = running !== undefined && (await part.isHealthy(AbortSignal.timeout(healthTimeoutMs)).catch(() => false))
    const state = { process, isRunning: running !== undefined, isHealthy, restarts: (before.restarts ?? 0) + (isAnother ? 1 : 0), ...(last ? { last } : {}) }
    this.#states.set(part.name, state)
    return state
  }
}
