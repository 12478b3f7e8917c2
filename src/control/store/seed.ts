import type { Entry } from './store.ts'
import { openLmdbJournal } from './lmdb-store.ts'

/** How far a restored store's revision jumps: no cluster makes as many writes between the dump and its restoration. */
export const revisionJump = 1_000_000_000

export interface SeedOptions {
  /** The folder of a database that is not there yet. */
  readonly path: string
  readonly entries: readonly Entry[]
  /** The highest revision that any client may have seen. */
  readonly seenRevision: number
}

/**
 * Makes a store that holds these entries, each at its own revision, and whose history begins far ahead of what anyone has seen: who
 * watches from an earlier revision is told that it is compacted, and lists anew. So nobody goes on with what is no longer true.
 */
export async function seedLmdbStore({ path, entries, seenRevision }: SeedOptions): Promise<void> {
  const journal = openLmdbJournal({ path })
  try {
    const inOrder = [...entries].sort((a, b) => a.revision - b.revision)
    if (inOrder.length > 0) await journal.append(inOrder.map((entry) => ({ ...entry, deleted: false })))
    await journal.forget([], seenRevision + revisionJump)
  } finally {
    await journal.close()
  }
}
