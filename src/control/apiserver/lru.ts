/** A cache bounded by the summed cost of what it holds; what was used longest ago goes first. */
export class Lru<K, V> {
  readonly #entries = new Map<K, { readonly value: V; readonly cost: number }>()
  readonly #maxCost: number
  #cost = 0

  constructor(maxCost: number) {
    this.#maxCost = maxCost
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: K, value: V, cost: number): void {
    this.delete(key)
    this.#entries.set(key, { value, cost })
    this.#cost += cost
    for (const oldest of this.#entries.keys()) {
      if (this.#cost <= this.#maxCost) break
      this.delete(oldest)
    }
  }

  delete(key: K): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    this.#cost -= entry.cost
  }
}
