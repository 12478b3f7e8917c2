/** One stored value at one revision. The bytes are the caller's own and are never changed. */
export interface Entry {
  readonly key: string
  readonly value: Uint8Array
  /** The revision of the write that made it: the object's resourceVersion. */
  readonly revision: number
  readonly createRevision: number
}

export interface StoreEvent {
  readonly type: 'put' | 'delete'
  readonly key: string
  readonly revision: number
  /** What is there now; for a delete what was there last. */
  readonly value: Uint8Array
  /** What was there before; absent for a creation. */
  readonly previous?: Entry
}

export interface RangeOptions {
  /** First key to return (inclusive); default: the prefix itself. */
  readonly start?: string
  readonly limit?: number
  /** Read as of this revision; default: the latest published one. `CompactedError` if history is gone, `FutureRevisionError` if not there yet. */
  readonly at?: number
}

export interface Range {
  readonly entries: readonly Entry[]
  /** The revision that the range was read at. */
  readonly revision: number
  /** The next key when `limit` cut the range. */
  readonly next?: string
  /** How many keys remain after the last one returned. */
  readonly remaining: number
}

/** The write was refused: the key stands at `actual` (0: absent). A value, not an exception. */
export interface Mismatch {
  readonly ok: false
  readonly actual: number
  readonly current?: Entry
}

export type WriteResult = { readonly ok: true; readonly revision: number } | Mismatch

export interface StoreWatcher {
  /** Stops the events; safe to repeat. */
  close(): void
}

export class CompactedError extends Error {
  readonly compactRevision: number
  constructor(compactRevision: number) {
    super('the requested revision has been compacted')
    this.compactRevision = compactRevision
  }
}

export class FutureRevisionError extends Error {}

/**
 * A revisioned log of keys. One global revision per write, no gaps. A write's promise resolves, and its event
 * is published, after it is durable (committed and synced), in revision order. Reads see published writes only.
 */
export interface Store {
  /** The latest published revision. */
  readonly revision: number
  get(key: string, at?: number): Entry | undefined
  list(prefix: string, options?: RangeOptions): Range
  count(prefix: string): number
  /** `expected`: the key's present revision, 0 for "must be absent", undefined for any. */
  put(key: string, value: Uint8Array, expected?: number): Promise<WriteResult>
  delete(key: string, expected?: number): Promise<WriteResult>
  /** Replays events after `from`, then goes on live, gapless and in order. Throws CompactedError. `onEvent` is synchronous and must not throw. */
  watch(prefix: string, from: number, onEvent: (event: StoreEvent) => void): StoreWatcher
  /** Forgets history before `revision`. */
  compact(revision: number): Promise<void>
  close(): Promise<void>
}
