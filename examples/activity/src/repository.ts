import type { Event } from './event.ts'

/** An event that is kept; `position` counts arrivals and orders what happened in the same millisecond. */
export interface Entry extends Event {
  readonly position: number
}

/** A place in the list, newest first: everything after it happened earlier. */
export interface Place {
  readonly time: string
  readonly position: number
}

/** What happened to tasks. Each method throws Unavailable when the database behind it cannot answer now. */
export interface Repository {
  /** Keeps the event unless one of this source and id is there; gives the entry that is there now, and whether this call made it. */
  record(event: Event): Promise<{ readonly entry: Entry; readonly isNew: boolean }>
  /** Newest first; of one subject, if one is named. */
  list(query: { subject: string | undefined; before: Place | undefined; limit: number }): Promise<readonly Entry[]>
  /** The newest entry of each of these subjects; none for a subject that nothing happened to. */
  newest(subjects: readonly string[]): Promise<readonly Entry[]>
  /** Resolves if requests can be served. */
  check(): Promise<void>
  close(): Promise<void>
}
