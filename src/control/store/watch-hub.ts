import type { StoreEvent } from './store.ts'

/** One subscription. While `replaying`, live events pass it by: its replay reads them from the log. */
export interface Subscription {
  readonly prefix: string
  readonly onEvent: (event: StoreEvent) => void
  /** Everything up to this revision has been delivered or was not asked for. */
  after: number
  replaying: boolean
  closed: boolean
}

/** Watchers by prefix. A published event costs one look-up per distinct prefix length, however many watchers there are. */
export class WatchHub {
  readonly #byPrefix = new Map<string, Set<Subscription>>()
  readonly #lengths = new Map<number, number>()

  add(subscription: Subscription): void {
    const { prefix } = subscription
    const present = this.#byPrefix.get(prefix)
    if (present) return void present.add(subscription)
    this.#byPrefix.set(prefix, new Set([subscription]))
    this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1)
  }

  remove(subscription: Subscription): void {
    subscription.closed = true
    const { prefix } = subscription
    const set = this.#byPrefix.get(prefix)
    if (!set?.delete(subscription) || set.size > 0) return
    this.#byPrefix.delete(prefix)
    const count = this.#lengths.get(prefix.length)! - 1
    if (count === 0) this.#lengths.delete(prefix.length)
    else this.#lengths.set(prefix.length, count)
  }

  clear(): void {
    for (const set of [...this.#byPrefix.values()]) for (const subscription of [...set]) this.remove(subscription)
  }

  publish(event: StoreEvent): void {
    for (const length of this.#lengths.keys()) {
      if (length > event.key.length) continue
      const set = this.#byPrefix.get(event.key.slice(0, length))
      if (set) for (const subscription of set) if (!subscription.replaying) deliver(subscription, event)
    }
  }
}

/** Hands an event over once, never out of order. */
export const deliver = (subscription: Subscription, event: StoreEvent): void => {
  if (subscription.closed || event.revision <= subscription.after) return
  subscription.after = event.revision
  try {
    subscription.onEvent(event)
  } catch (error) {
    // A watcher must not throw; if one does, it is that watcher's crash and not the store's.
    queueMicrotask(() => {
      throw error
    })
  }
}
