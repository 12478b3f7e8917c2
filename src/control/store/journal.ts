/** What one write left in the log, without its bytes. */
export interface Version {
  readonly key: string
  readonly revision: number
  readonly createRevision: number
  readonly deleted: boolean
}

export interface JournalRecord extends Version {
  /** Absent for a deletion. */
  readonly value?: Uint8Array
}

/** What a journal held when it was opened. */
export interface JournalState {
  /** In revision order. */
  readonly versions: readonly Version[]
  readonly revision: number
  readonly compactRevision: number
}

/** Where a LogStore keeps its log. It decides nothing: order, revisions and comparisons are the store's. */
export interface Journal {
  load(): JournalState
  /** Resolves once all records are durable; all or none of them. The records continue the log in revision order. */
  append(records: readonly JournalRecord[]): Promise<void>
  /** The bytes written at a revision, the caller's own. */
  value(revision: number): Uint8Array
  /** Drops the records at these revisions and remembers how far history is gone. */
  forget(revisions: readonly number[], compactRevision: number): Promise<void>
  close(): Promise<void>
}
