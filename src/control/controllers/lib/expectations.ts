import type { Clock } from '../../../base/lib/clock.ts'

// As upstream: after this time the watch is taken to have lost something, and the owner is judged by what is in the cache.
const timeoutMs = 5 * 60_000

interface Expected {
  creations: number
  readonly deletions: Set<string>
  readonly since: number
}

/**
 * What an owner asked for and the cache does not show yet. While there is any, the owner must not count its children:
 * it would create or delete the same ones twice.
 */
export class Expectations {
  readonly #byOwner = new Map<string, Expected>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  areMet(owner: string): boolean {
    const expected = this.#byOwner.get(owner)
    if (!expected) return true
    return (expected.creations <= 0 && expected.deletions.size === 0) || this.#clock.monotonic() - expected.since > timeoutMs
  }

  /** Replaces what was expected before. */
  expect(owner: string, { creations = 0, deletions = [] }: { creations?: number; deletions?: readonly string[] }): void {
    this.#byOwner.set(owner, { creations, deletions: new Set(deletions), since: this.#clock.monotonic() })
  }

  /** A creation was seen, or will not come. */
  created(owner: string, count = 1): void {
    const expected = this.#byOwner.get(owner)
    if (expected) expected.creations -= count
  }

  deleted(owner: string, uid: string): void {
    this.#byOwner.get(owner)?.deletions.delete(uid)
  }

  forget(owner: string): void {
    this.#byOwner.delete(owner)
  }
}
