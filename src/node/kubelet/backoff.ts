/** Delays that double from `initialMs` to `maxMs`; an entry untouched for twice `maxMs` starts anew, as upstream's flowcontrol.Backoff. */
export class Backoff {
  readonly #entries = new Map<string, { delayMs: number; updatedMs: number }>()
  readonly #initialMs: number
  readonly #maxMs: number

  constructor(options: { initialMs: number; maxMs: number }) {
    this.#initialMs = options.initialMs
    this.#maxMs = options.maxMs
  }

  /** Takes the next step. */
  next(key: string, nowMs: number): void {
    const entry = this.#entries.get(key)
    const delayMs = !entry || this.#isExpired(entry, nowMs) ? this.#initialMs : Math.min(entry.delayMs * 2, this.#maxMs)
    this.#entries.set(key, { delayMs, updatedMs: nowMs })
  }

  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0
  }

  /** Milliseconds still to wait after an event at `eventMs`; 0 if it may go on. */
  remainingMs(key: string, eventMs: number, nowMs: number): number {
    const entry = this.#entries.get(key)
    if (!entry || this.#isExpired(entry, eventMs)) return 0
    return Math.max(0, eventMs + entry.delayMs - nowMs)
  }

  /** When the last step was taken; 0 if none was. */
  updatedMs(key: string): number {
    return this.#entries.get(key)?.updatedMs ?? 0
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key)
  }

  #isExpired(entry: { updatedMs: number }, nowMs: number): boolean {
    return nowMs - entry.updatedMs > 2 * this.#maxMs
  }
}
