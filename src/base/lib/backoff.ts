export interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
  /** Default 2. */
  readonly factor?: number
  /** Adds up to this share of the delay, so that many do not retry in step. Default 0. */
  readonly jitter?: number
  readonly random?: () => number
}

export interface Backoff {
  /** The delay before the next try, in milliseconds; grows from call to call. */
  next(): number
  reset(): void
}

/** The delay before retry number `attempt` (0 is the first), without jitter. */
export const backoffMs = ({ initialMs, maxMs, factor = 2 }: BackoffOptions, attempt: number): number =>
  Math.min(maxMs, initialMs * factor ** Math.min(attempt, 64))

export const createBackoff = (options: BackoffOptions): Backoff => {
  const { jitter = 0, random = Math.random } = options
  let attempt = 0
  return {
    next: () => backoffMs(options, attempt++) * (1 + jitter * random()),
    reset: () => {
      attempt = 0
    },
  }
}

/**
 * Delays by key that double from `initialMs` to `maxMs` with each step taken; a key untouched for twice `maxMs` starts anew, as
 * upstream's flowcontrol.Backoff. Times are the caller's, so that it can measure from when something ended.
 */
export class KeyedBackoff {
  readonly #entries = new Map<string, { steps: number; updatedMs: number }>()
  readonly #options: BackoffOptions

  constructor(options: { initialMs: number; maxMs: number }) {
    this.#options = options
  }

  /** Takes the next step. */
  next(key: string, nowMs: number): void {
    const entry = this.#entries.get(key)
    this.#entries.set(key, { steps: entry && !this.#isExpired(entry, nowMs) ? entry.steps + 1 : 0, updatedMs: nowMs })
  }

  /** The delay of the last step; 0 if none was taken. */
  delayMs(key: string): number {
    const entry = this.#entries.get(key)
    return entry ? backoffMs(this.#options, entry.steps) : 0
  }

  /** Milliseconds still to wait after an event at `eventMs`; 0 if it may go on. */
  remainingMs(key: string, eventMs: number, nowMs: number): number {
    const entry = this.#entries.get(key)
    if (!entry || this.#isExpired(entry, eventMs)) return 0
    return Math.max(0, eventMs + this.delayMs(key) - nowMs)
  }

  /** When the last step was taken; 0 if none was. */
  updatedMs(key: string): number {
    return this.#entries.get(key)?.updatedMs ?? 0
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key)
  }

  #isExpired(entry: { updatedMs: number }, nowMs: number): boolean {
    return nowMs - entry.updatedMs > 2 * this.#options.maxMs
  }
}
