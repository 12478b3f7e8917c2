import type { Clock } from '../../base/lib/clock.ts'

interface Timer {
  readonly atMs: number
  readonly callback: () => void
  isCancelled: boolean
}

export interface VirtualClockOptions {
  /** Wall time at the beginning, in milliseconds since the epoch. */
  readonly startMs: number
  /** Resolves when all that was set off has come to rest, so that time may go on. */
  readonly settle: () => Promise<void>
}

/** How often a flowing clock catches up with real time. */
const tickMs = 5

/**
 * A clock that stands still until it is moved. What comes due runs in the order of its time; before each next moment everything that the
 * last one set off has come to rest, so the same steps give the same history, however slow the machine is.
 */
export class VirtualClock implements Clock {
  readonly #startMs: number
  readonly #settle: () => Promise<void>
  /** By time, then by the order of asking. */
  readonly #timers: Timer[] = []
  #elapsedMs = 0
  #moving: Promise<unknown> = Promise.resolve()
  #isFlowing = false

  constructor({ startMs, settle }: VirtualClockOptions) {
    this.#startMs = startMs
    this.#settle = settle
  }

  /** Whether it follows real time by itself. */
  get isFlowing(): boolean {
    return this.#isFlowing
  }

  now(): number {
    return Math.floor(this.#startMs + this.#elapsedMs)
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { atMs: this.#elapsedMs + Math.max(0, ms), callback, isCancelled: false }
    this.#timers.splice(this.#place(timer.atMs), 0, timer)
    return () => {
      timer.isCancelled = true
      const index = this.#timers.indexOf(timer)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error)
      const refuse = () => (cancel(), reject(signal?.reason as Error))
      const cancel = this.after(ms, () => (signal?.removeEventListener('abort', refuse), resolve()))
      signal?.addEventListener('abort', refuse, { once: true })
    })
  }

  /** Moves time on. Resolves when everything that became due has come to rest. */
  advance(ms: number): Promise<void> {
    return this.#inTurn(async () => {
      const untilMs = this.#elapsedMs + ms
      await this.#settle()
      while (await this.#step(untilMs));
      this.#elapsedMs = Math.max(this.#elapsedMs, untilMs)
    })
  }

  /** Moves time to the next moment at which something is due, at most until `untilMs` on the monotonic clock. False: nothing is due by then. */
  next(untilMs: number): Promise<boolean> {
    return this.#inTurn(async () => {
      await this.#settle()
      return this.#step(untilMs)
    })
  }

  /** Lets time pass as it does in the world, until `signal` aborts; it can still be advanced. */
  flow(signal: AbortSignal): void {
    if (this.#isFlowing) return
    this.#isFlowing = true
    let lastMs = performance.now()
    const tick = async () => {
      const nowMs = performance.now()
      await this.#inTurn(async () => {
        const untilMs = this.#elapsedMs + nowMs - lastMs
        while (this.#runDue(untilMs));
        this.#elapsedMs = Math.max(this.#elapsedMs, untilMs)
      })
      lastMs = nowMs
      if (!signal.aborted) timer = setTimeout(() => void tick(), tickMs)
    }
    let timer = setTimeout(() => void tick(), tickMs)
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  }

  /** One mover at a time: moves that overlap follow one another. */
  #inTurn<T>(move: () => Promise<T>): Promise<T> {
    const moved = this.#moving.then(move)
    this.#moving = moved.catch(() => undefined)
    return moved
  }

  async #step(untilMs: number): Promise<boolean> {
    if (!this.#runDue(untilMs)) return false
    await this.#settle()
    return true
  }

  /** Runs all that is due at the next moment; what asks for that same moment meanwhile comes in the next run. */
  #runDue(untilMs: number): boolean {
    const first = this.#timers[0]
    if (!first || first.atMs > untilMs) return false
    this.#elapsedMs = Math.max(this.#elapsedMs, first.atMs)
    for (const timer of this.#timers.splice(0, this.#place(first.atMs))) if (!timer.isCancelled) timer.callback()
    return true
  }

  /** Where a timer of this time goes: behind those that are due no later. */
  #place(atMs: number): number {
    let [low, high] = [0, this.#timers.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#timers[middle]!.atMs <= atMs) low = middle + 1
      else high = middle
    }
    return low
  }
}
