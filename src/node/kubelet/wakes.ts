import type { Clock } from '../../base/lib/clock.ts'

export interface WakesOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly pass: () => Promise<void>
  /** Called with what a pass threw; another one follows after `retryMs`. */
  readonly onError: (error: Error) => void
  readonly retryMs: number
}

/** Runs passes: one at a time, those asked for meanwhile merged into one more, and the soonest of those asked for later. */
export class Wakes {
  readonly #options: WakesOptions
  #running: Promise<void> | undefined
  #isWoken = false
  #isClosed = false
  #cancelTimer = () => {}
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(options: WakesOptions) {
    this.#options = options
  }

  wake(): void {
    if (this.#isClosed || this.#options.signal.aborted) return
    this.#isWoken = true
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  wakeIn(ms: number): void {
    const { clock } = this.#options
    const at = clock.monotonic() + ms
    if (this.#isClosed || at >= this.#timerAtMs) return
    this.#cancelTimer()
    this.#timerAtMs = at
    this.#cancelTimer = clock.after(ms, () => this.wake())
  }

  /** Asks for no further pass. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
  }

  /** Resolves when no pass runs. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal, pass, onError, retryMs } = this.#options
    while (this.#isWoken && !this.#isClosed && !signal.aborted) {
      this.#isWoken = false
      this.#cancelTimer()
      this.#timerAtMs = Number.POSITIVE_INFINITY
      try {
        await pass()
      } catch (error) {
        onError(error as Error)
        this.wakeIn(retryMs)
      }
    }
  }
}
