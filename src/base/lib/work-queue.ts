import { backoffMs, type BackoffOptions } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { WorkQueueObserver } from './work-queue-metrics.ts'

/**
 * Keys to work on. A key waits at most once, and is never handed out again while it is being worked on:
 * what is added meanwhile comes after `done`.
 */
export interface WorkQueue {
  add(key: string): void
  /** The earliest of several delays wins. */
  addAfter(key: string, ms: number): void
  /** Adds after this key's backoff, which grows with each call until `forget`. */
  addRateLimited(key: string): void
  forget(key: string): void
  /** The next key; undefined when the queue is closed. */
  take(): Promise<string | undefined>
  done(key: string): void
  /** Takers get undefined, timers are cancelled. */
  close(): void
  /** Keys that wait to be taken now (delayed ones do not count). */
  readonly length: number
}

export interface WorkQueueOptions {
  readonly clock: Clock
  /** Default: 5 ms doubling to 30 s. */
  readonly backoff?: BackoffOptions
  readonly observer?: WorkQueueObserver
}

interface Delayed {
  readonly at: number
  readonly cancel: () => void
}

export const createWorkQueue = ({ clock, backoff = { initialMs: 5, maxMs: 30_000 }, observer }: WorkQueueOptions): WorkQueue => {
  const waiting = new Set<string>()
  const working = new Set<string>()
  const again = new Set<string>()
  const delayed = new Map<string, Delayed>()
  const failures = new Map<string, number>()
  const takers: ((key: string | undefined) => void)[] = []
  let closed = false

  const handOut = () => {
    for (const key of waiting) {
      const taker = takers.shift()
      if (!taker) return
      waiting.delete(key)
      working.add(key)
      observer?.taken(key)
      taker(key)
    }
  }
  const queue: WorkQueue = {
    add(key) {
      if (closed) return
      if (working.has(key)) again.add(key)
      else if (!waiting.has(key)) {
        waiting.add(key)
        observer?.added(key)
        handOut()
      }
    },
    addAfter(key, ms) {
      if (closed) return
      if (ms <= 0) return queue.add(key)
      const at = clock.monotonic() + ms
      const earlier = delayed.get(key)
      if (earlier && earlier.at <= at) return
      earlier?.cancel()
      const cancel = clock.after(ms, () => {
        delayed.delete(key)
        queue.add(key)
      })
      delayed.set(key, { at, cancel })
    },
    addRateLimited(key) {
      const attempt = failures.get(key) ?? 0
      failures.set(key, attempt + 1)
      observer?.retried()
      queue.addAfter(key, backoffMs(backoff, attempt))
    },
    forget: (key) => void failures.delete(key),
    take: () =>
      new Promise((resolve) => {
        if (closed) return resolve(undefined)
        takers.push(resolve)
        handOut()
      }),
    done(key) {
      working.delete(key)
      observer?.done(key)
      if (again.delete(key)) queue.add(key)
    },
    close() {
      closed = true
      for (const { cancel } of delayed.values()) cancel()
      delayed.clear()
      for (const taker of takers.splice(0)) taker(undefined)
    },
    get length() {
      return waiting.size
    },
  }
  return queue
}
