import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'

export interface ReconcileContext {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly log: Log
}

export type ReconcileResult = void | { readonly requeueAfterMs: number }

/**
 * Brings what is named by `key` nearer to what is wanted. It reads, compares and acts; it may run again at any time, and finds out
 * about a deletion by finding nothing. A throw is retried with backoff; a `TerminalError` is not.
 */
export interface Reconciler {
  readonly name: string
  reconcile(key: string, context: ReconcileContext): Promise<ReconcileResult>
}

/** Trying again would not help: the key rests until something about it changes. */
export class TerminalError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'TerminalError'
  }
}
