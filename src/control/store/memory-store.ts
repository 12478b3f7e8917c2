import type { Journal, JournalRecord, JournalState } from './journal.ts'
import { LogStore } from './log-store.ts'

class MemoryJournal implements Journal {
  readonly #values = new Map<number, Uint8Array>()

  load(): JournalState {
    return { versions: [], revision: 0, compactRevision: 0 }
  }

  async append(records: readonly JournalRecord[]): Promise<void> {
    for (const { revision, value } of records) if (value) this.#values.set(revision, value)
  }

  value(revision: number): Uint8Array {
    return this.#values.get(revision)!
  }

  async forget(revisions: readonly number[]): Promise<void> {
    for (const revision of revisions) this.#values.delete(revision)
  }

  async close(): Promise<void> {
    this.#values.clear()
  }
}

/** A store that ends with its process. */
export class MemoryStore extends LogStore {
  constructor() {
    super({ journal: new MemoryJournal() })
  }
}
