import type { Journal, JournalRecord, Version } from './journal.ts'
import { SortedMap } from './sorted-map.ts'
import {
  CompactedError,
  FutureRevisionError,
  type Entry,
  type Mismatch,
  type Range,
  type RangeOptions,
  type Store,
  type StoreEvent,
  type StoreWatcher,
  type WriteResult,
} from './store.ts'
import { deliver, WatchHub, type Subscription } from './watch-hub.ts'

interface PendingWrite {
  readonly record: JournalRecord
  readonly done: (result: WriteResult) => void
  readonly failed: (error: unknown) => void
}

/** A write as asked for; no value means delete. */
interface Write {
  readonly key: string
  readonly value?: Uint8Array
  readonly expected: number | undefined
}

const emptyRevision = 1

/**
 * A Store over a journal. The keys and the versions of each since the last compaction are indexed in memory, the bytes stay
 * in the journal.
 *
 *   put ─▶ compare with the newest version, pending ones included ─▶ revision ─▶ queue
 *   queue ─▶ one journal append for all that waits (group commit) ─▶ durable ─▶ index, event, promise: one write after the other
 */
export class LogStore implements Store {
  readonly #journal: Journal
  readonly #keys = new SortedMap<Version[]>()
  /** Versions after the compaction, in revision order and without gaps. */
  #log: Version[] = []
  readonly #hub = new WatchHub()
  #revision: number
  #compactRevision: number
  #assigned: number
  #queue: PendingWrite[] = []
  /** The newest version of each key with writes under way, and the promise that settles with that write. */
  readonly #pending = new Map<string, { version: Version; settled: Promise<unknown> }>()
  #committing: Promise<void> | undefined
  #closed = false

  constructor(options: { journal: Journal }) {
    this.#journal = options.journal
    const state = options.journal.load()
    // A restored log's history begins ahead of its last record.
    this.#revision = this.#assigned = Math.max(emptyRevision, state.revision, state.compactRevision)
    this.#compactRevision = state.compactRevision
    for (const version of state.versions) this.#index(version)
  }

  get revision(): number {
    return this.#revision
  }

  get(key: string, at?: number): Entry | undefined {
    this.#checkReadable(at)
    const version = versionAt(this.#keys.get(key), at)
    return version && this.#entry(version)
  }

  list(prefix: string, options: RangeOptions = {}): Range {
    const { start, limit, at } = options
    this.#checkReadable(at)
    const entries: Entry[] = []
    let next: string | undefined
    let remaining = 0
    for (const [key, versions] of this.#keys.walk(prefix, start)) {
      const version = versionAt(versions, at)
      if (!version) continue
      if (limit === undefined || limit <= 0 || entries.length < limit) entries.push(this.#entry(version))
      else {
        next ??= key
        remaining++
      }
    }
    return { entries, revision: at ?? this.#revision, remaining, ...(next === undefined ? {} : { next }) }
  }

  count(prefix: string): number {
    let count = 0
    for (const [, versions] of this.#keys.walk(prefix)) if (versionAt(versions)) count++
    return count
  }

  put(key: string, value: Uint8Array, expected?: number): Promise<WriteResult> {
    return this.#write({ key, value, expected })
  }

  delete(key: string, expected?: number): Promise<WriteResult> {
    return this.#write({ key, expected })
  }

  watch(prefix: string, from: number, onEvent: (event: StoreEvent) => void): StoreWatcher {
    if (from < this.#compactRevision) throw new CompactedError(this.#compactRevision)
    const subscription: Subscription = { prefix, onEvent, after: from, replaying: from < this.#revision, closed: false }
    this.#hub.add(subscription)
    if (subscription.replaying) {
      // The history is taken now, so that a compaction before the replay cannot reach it.
      const history = this.#log.slice(Math.max(0, from - this.#logStart() + 1)).filter((version) => version.key.startsWith(prefix))
      const events = history.map((version) => this.#event(version))
      const until = this.#revision
      queueMicrotask(() => this.#replay(subscription, events, until))
    }
    return { close: () => this.#hub.remove(subscription) }
  }

  async compact(revision: number): Promise<void> {
    if (revision > this.#revision) throw new FutureRevisionError(`revision ${revision} is not there yet: ${this.#revision}`)
    if (revision <= this.#compactRevision) return
    this.#compactRevision = revision
    await this.#journal.forget(this.#trim(revision), revision)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    while (this.#committing) await this.#committing
    this.#hub.clear()
    await this.#journal.close()
  }

  async #write(write: Write): Promise<WriteResult> {
    if (this.#closed) throw new Error('the store is closed')
    const pending = this.#pending.get(write.key)
    const head = pending ? pending.version : this.#keys.get(write.key)?.at(-1)
    const actual = head && !head.deleted ? head.revision : 0
    const wanted = write.expected ?? actual
    if (wanted === actual && (write.value || actual !== 0)) return this.#enqueue(write, head)
    // Who lost against a write that nobody may see yet is told once it is published.
    await pending?.settled
    return this.#mismatch(write.key)
  }

  #enqueue(write: Write, head: Version | undefined): Promise<WriteResult> {
    const revision = ++this.#assigned
    const createRevision = head && !head.deleted ? head.createRevision : revision
    const record: JournalRecord = { key: write.key, revision, createRevision, deleted: !write.value, ...(write.value ? { value: write.value } : {}) }
    const result = new Promise<WriteResult>((done, failed) => this.#queue.push({ record, done, failed }))
    this.#pending.set(write.key, { version: record, settled: result.catch(() => undefined) })
    this.#committing ??= this.#commitAll()
    return result
  }

  #mismatch(key: string): Mismatch {
    const current = this.get(key)
    return { ok: false, actual: current?.revision ?? 0, ...(current ? { current } : {}) }
  }

  async #commitAll(): Promise<void> {
    // Writes of the same turn join the first commit.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      try {
        await this.#journal.append(batch.map((write) => write.record))
      } catch (error) {
        this.#abandon([...batch, ...this.#queue], error)
        continue
      }
      for (const write of batch) this.#publish(write)
    }
    this.#committing = undefined
  }

  /** What waits behind a failed batch was compared with it, so it fails as well; the revisions are given again. */
  #abandon(writes: readonly PendingWrite[], error: unknown): void {
    this.#queue = []
    this.#pending.clear()
    this.#assigned = this.#revision
    for (const write of writes) write.failed(error)
  }

  #publish({ record, done }: PendingWrite): void {
    const { key, revision, createRevision, deleted } = record
    const version: Version = { key, revision, createRevision, deleted }
    const event = this.#event(version, record.value)
    this.#index(version)
    this.#revision = revision
    if (this.#pending.get(key)?.version === record) this.#pending.delete(key)
    this.#hub.publish(event)
    done({ ok: true, revision })
  }

  #replay(subscription: Subscription, events: readonly StoreEvent[], until: number): void {
    for (const event of events) deliver(subscription, event)
    const since = this.#log.slice(Math.max(0, until - this.#logStart() + 1))
    for (const version of since) if (version.key.startsWith(subscription.prefix)) deliver(subscription, this.#event(version))
    subscription.replaying = false
  }

  #index(version: Version): void {
    const versions = this.#keys.get(version.key)
    if (versions) versions.push(version)
    else this.#keys.set(version.key, [version])
    if (version.revision > this.#compactRevision) this.#log.push(version)
  }

  /** Drops from memory what no read at or after `revision` can see; returns the dropped revisions. */
  #trim(revision: number): number[] {
    const past = this.#log.slice(0, revision - this.#logStart() + 1)
    const dropped: number[] = []
    for (const key of new Set(past.map((version) => version.key))) {
      const versions = this.#keys.get(key)!
      let keep = versions.findLastIndex((version) => version.revision <= revision)
      if (versions[keep]!.deleted) keep++
      for (const version of versions.splice(0, keep)) dropped.push(version.revision)
      if (versions.length === 0) this.#keys.delete(key)
    }
    this.#log = this.#log.slice(past.length)
    return dropped
  }

  #logStart(): number {
    return this.#log[0]?.revision ?? this.#revision + 1
  }

  #entry({ key, revision, createRevision }: Version, value?: Uint8Array): Entry {
    return { key, value: value ?? this.#journal.value(revision), revision, createRevision }
  }

  #event(version: Version, written?: Uint8Array): StoreEvent {
    const { key, revision, deleted } = version
    const before = versionAt(this.#keys.get(key), revision - 1)
    const previous = before && this.#entry(before)
    const value = deleted ? previous!.value : (written ?? this.#journal.value(revision))
    return { type: deleted ? 'delete' : 'put', key, revision, value, ...(previous ? { previous } : {}) }
  }

  #checkReadable(at: number | undefined): void {
    if (at === undefined) return
    if (at < this.#compactRevision) throw new CompactedError(this.#compactRevision)
    if (at > this.#revision) throw new FutureRevisionError(`revision ${at} is not there yet: ${this.#revision}`)
  }
}

/** The version that a read at `at` sees. */
const versionAt = (versions: readonly Version[] | undefined, at = Infinity): Version | undefined => {
  const version = at === Infinity ? versions?.at(-1) : versions?.findLast((candidate) => candidate.revision <= at)
  return version?.deleted ? undefined : version
}
