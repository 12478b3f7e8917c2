import { setTimeout as sleepMs } from 'node:timers/promises'

/** Time as an argument: tests and users' tests bring their own. Durations are monotonic, stamps are wall time. */
export interface Clock {
  /** Wall time in milliseconds since the epoch, for stamps. */
  now(): number
  /** Monotonic milliseconds, for durations. */
  monotonic(): number
  /** Runs `callback` once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void
  /** Resolves after `ms`; rejects with the signal's reason if it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
  async sleep(ms, signal) {
    await sleepMs(ms, undefined, signal ? { signal } : {})
  },
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** A clock that stands still until it is advanced. Timers run in order of their time. */
export class FakeClock implements Clock {
  #elapsedMs = 0
  readonly #timers = new Set<Timer>()
  readonly #startMs: number

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs
  }

  now(): number {
    return this.#startMs + this.#elapsedMs
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#elapsedMs + Math.max(0, ms), callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const refuse = () => (cancel(), reject(signal?.reason as Error))
      const cancel = this.after(ms, () => (signal?.removeEventListener('abort', refuse), resolve()))
      signal?.addEventListener('abort', refuse, { once: true })
    })
  }

  /** Moves time on and runs what became due, letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms
    for (;;) {
      await settle()
      const due = [...this.#timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.#timers.delete(due)
      this.#elapsedMs = Math.max(this.#elapsedMs, due.at)
      due.callback()
    }
    this.#elapsedMs = until
    await settle()
  }
}

const settle = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)))
