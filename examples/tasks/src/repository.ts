import type { Change, Draft, Task, TaskEvent } from './task.ts'

/** `stale`: somebody else changed it since the version that was asked for. */
export type Outcome = { readonly task: Task } | { readonly refused: 'missing' | 'stale' }

/** The tasks, and what is still to be told of them. Each method throws Unavailable when the database behind it cannot answer now. */
export interface Repository {
  /** By id, from the one after `after`. */
  list(page: { after: number; limit: number }): Promise<readonly Task[]>
  find(id: number): Promise<Task | undefined>
  /** Changes are kept together with the events that tell of them, or not at all. */
  add(draft: Draft): Promise<Task>
  change(id: number, change: Change, version: number | undefined): Promise<Outcome>
  remove(id: number, version: number | undefined): Promise<Outcome>
  /**
   * Hands out the oldest events, in the order in which each task changed, to one caller at a time; those that `deliver` took are gone. What it
   * throws ends the turn. Gives how many it took.
   */
  relay(limit: number, deliver: (event: TaskEvent) => Promise<void>): Promise<number>
  /** Resolves if requests can be served. */
  check(): Promise<void>
  close(): Promise<void>
}
