const chunkSize = 512

/**
 * A map whose keys can be walked in order. The keys stand in sorted chunks of up to 512, so that an insertion
 * moves one small array and a walk starts by binary search. Not to be changed during a walk.
 */
export class SortedMap<V> {
  readonly #values = new Map<string, V>()
  #chunks: string[][] = []

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#insert(key)
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return
    const at = this.#chunkOf(key)
    const chunk = this.#chunks[at]!
    chunk.splice(lowerBound(chunk, key), 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
  }

  /** The pairs whose key starts with `prefix`, from `start` on, in key order. */
  *walk(prefix: string, start = prefix): Generator<readonly [string, V]> {
    const from = start < prefix ? prefix : start
    for (let at = this.#chunkOf(from); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!
      for (let i = lowerBound(chunk, from); i < chunk.length; i++) {
        const key = chunk[i]!
        if (!key.startsWith(prefix)) return
        yield [key, this.#values.get(key)!]
      }
    }
  }

  #insert(key: string): void {
    const at = Math.min(this.#chunkOf(key), Math.max(0, this.#chunks.length - 1))
    const chunk = this.#chunks[at]
    if (!chunk) return void this.#chunks.push([key])
    chunk.splice(lowerBound(chunk, key), 0, key)
    if (chunk.length > chunkSize) this.#chunks.splice(at + 1, 0, chunk.splice(chunkSize / 2))
  }

  /** The first chunk whose last key is not below `key`. */
  #chunkOf(key: string): number {
    let [low, high] = [0, this.#chunks.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#chunks[middle]!.at(-1)! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

const lowerBound = (keys: readonly string[], key: string): number => {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
