import type { Pod } from '../../base/api/generated/types.ts'
import { backoffMs } from '../../base/lib/backoff.ts'
import type { Clock } from '../../base/lib/clock.ts'
import { hasPodAffinity, podInfoOf, type PodInfo } from './snapshot.ts'
import { claimNamesOf } from './storage-view.ts'

export interface QueuedPod {
  readonly info: PodInfo
  readonly attempts: number
  readonly order: number
}

// As upstream's defaults.
const backoff = { initialMs: 1_000, maxMs: 10_000 }
const leftoverMs = 5 * 60_000

interface Waiting {
  readonly queued: QueuedPod
  readonly cancel: () => void
  /** From when it may be tried again, on the monotonic clock. */
  readonly notBefore: number
}

/**
 * Pods that want a node. *Active* ones are handed out, the most important first, then the longest waiting. One that failed rests:
 * in *backoff* until its time has come, or as *unschedulable* until something happens that may help (`wake`), at most five minutes.
 */
export class SchedulingQueue {
  readonly #active = new PriorityHeap()
  readonly #members = new Map<string, QueuedPod>()
  readonly #backoff = new Map<string, Waiting>()
  readonly #unschedulable = new Map<string, Waiting>()
  readonly #clock: Clock
  readonly #onActive: () => void
  #order = 0

  constructor(options: { clock: Clock; onActive: () => void }) {
    this.#clock = options.clock
    this.#onActive = options.onActive
  }

  /** A new Pod, or news of a waiting one: a change to what the scheduler reads of it is a reason to try again. */
  set(pod: Pod): void {
    const info = podInfoOf(pod)
    const resting = this.#unschedulable.get(info.key) ?? this.#backoff.get(info.key)
    if (resting) {
      const next = { ...resting.queued, info }
      const waits = this.#unschedulable.has(info.key) ? this.#unschedulable : this.#backoff
      waits.set(info.key, { ...resting, queued: next })
      if (waits === this.#unschedulable && question(resting.queued.info.pod) !== question(pod)) this.#retry(info.key)
    } else if (this.#members.has(info.key)) {
      this.#members.set(info.key, { ...this.#members.get(info.key)!, info })
    } else {
      this.#activate({ info, attempts: 0, order: 0 })
    }
  }

  remove(key: string): void {
    this.#members.delete(key)
    for (const waits of [this.#backoff, this.#unschedulable]) {
      waits.get(key)?.cancel()
      waits.delete(key)
    }
  }

  /** The next Pod to place; it is the caller's until `failed`, or for good. */
  take(): QueuedPod | undefined {
    for (let entry = this.#active.pop(); entry; entry = this.#active.pop()) {
      const current = this.#members.get(entry.info.key)
      if (current?.order !== entry.order) continue
      this.#members.delete(entry.info.key)
      return { ...current, attempts: current.attempts + 1 }
    }
    return undefined
  }

  /** Puts back a Pod that was taken: unschedulable waits for events, an error only for its backoff. */
  failed(queued: QueuedPod, kind: 'unschedulable' | 'error'): void {
    const { key } = queued.info
    if (kind === 'error') return this.#wait(queued, backoffMs(backoff, queued.attempts - 1))
    const notBefore = this.#clock.monotonic() + backoffMs(backoff, queued.attempts - 1)
    this.#unschedulable.set(key, { queued, notBefore, cancel: this.#clock.after(leftoverMs, () => this.#retry(key)) })
  }

  /** Something changed that may let unschedulable Pods in; `affine`: only Pods that look at other Pods; `storage`: only those with claims. */
  wake(which: 'all' | 'affine' | 'storage'): void {
    for (const [key, { queued }] of [...this.#unschedulable]) if (concerns(which, queued.info.pod)) this.#retry(key)
  }

  /** How many wait, and for what. */
  pending(): { active: number; backoff: number; unschedulable: number } {
    return { active: this.#members.size, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size }
  }

  close(): void {
    for (const waits of [this.#backoff, this.#unschedulable]) {
      for (const { cancel } of waits.values()) cancel()
      waits.clear()
    }
    this.#members.clear()
  }

  #retry(key: string): void {
    const waiting = this.#unschedulable.get(key)
    if (!waiting) return
    waiting.cancel()
    this.#unschedulable.delete(key)
    const remainingMs = waiting.notBefore - this.#clock.monotonic()
    if (remainingMs <= 0) this.#activate(waiting.queued)
    else this.#wait(waiting.queued, remainingMs)
  }

  #wait(queued: QueuedPod, ms: number): void {
    const { key } = queued.info
    const cancel = this.#clock.after(ms, () => {
      const waiting = this.#backoff.get(key)
      this.#backoff.delete(key)
      if (waiting) this.#activate(waiting.queued)
    })
    this.#backoff.set(key, { queued, notBefore: this.#clock.monotonic() + ms, cancel })
  }

  #activate(queued: QueuedPod): void {
    const entry = { ...queued, order: ++this.#order }
    this.#members.set(entry.info.key, entry)
    this.#active.push(entry)
    this.#onActive()
  }
}

const concerns = (which: 'all' | 'affine' | 'storage', pod: Pod): boolean => {
  if (which === 'storage') return claimNamesOf(pod).length > 0
  return which === 'all' || hasPodAffinity(pod) || Boolean(pod.spec.topologySpreadConstraints?.length)
}

/** What of a Pod can change the answer; its status, which the scheduler writes itself, cannot. */
const question = (pod: Pod): string => JSON.stringify([pod.metadata.labels, pod.spec])

const precedes = (a: QueuedPod, b: QueuedPod): boolean => {
  const [left, right] = [a.info.pod.spec.priority ?? 0, b.info.pod.spec.priority ?? 0]
  return left === right ? a.order < b.order : left > right
}

class PriorityHeap {
  readonly #entries: QueuedPod[] = []

  push(entry: QueuedPod): void {
    const entries = this.#entries
    let index = entries.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!precedes(entry, entries[parent]!)) break
      entries[index] = entries[parent]!
      index = parent
    }
    entries[index] = entry
  }

  pop(): QueuedPod | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (last && entries.length > 0) this.#sink(last)
    return first
  }

  #sink(entry: QueuedPod): void {
    const entries = this.#entries
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= entries.length) break
      if (child + 1 < entries.length && precedes(entries[child + 1]!, entries[child]!)) child++
      if (!precedes(entries[child]!, entry)) break
      entries[index] = entries[child]!
      index = child
    }
    entries[index] = entry
  }
}
