import type { KubeObject } from '../api/object.ts'
import type { Informer } from '../client/informer-contract.ts'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { WorkQueueObserver } from '../lib/work-queue-metrics.ts'
import { createWorkQueue, type WorkQueue } from '../lib/work-queue.ts'
import { isStatusError } from '../machinery/status-error.ts'
import { type Reconciler, TerminalError } from './reconciler.ts'

/** Where keys come from: each change names the keys it may concern. */
export interface Source {
  readonly synced: Promise<void>
  /** Calls `wake` for every key to reconcile from now on; returns a function that stops it. */
  connect(wake: (key: string) => void): () => void
}

/** A source made of an informer and of what its changes concern. */
export const source = <T extends KubeObject>(
  informer: Informer<T>,
  keys: (change: { readonly old?: T; readonly object?: T }) => readonly string[],
): Source => ({
  synced: informer.synced,
  connect: (wake) =>
    informer.onChange((change) => {
      for (const key of keys(change)) wake(key)
    }),
})

export interface ControllerOptions extends Reconciler {
  /** How many keys are worked on at a time; one key never by two. Default 4. */
  readonly workers?: number
  readonly sources: readonly Source[]
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly log: Log
  /** Follows the queue under the controller's name. */
  readonly observeQueue?: ((name: string) => WorkQueueObserver) | undefined
}

/** Reconciles from when all sources have synced until `signal` aborts; resolves when the last worker has ended. */
export const startController = async (options: ControllerOptions): Promise<void> => {
  const { signal, clock, sources, workers = 4, observeQueue } = options
  const log = options.log.child({ controller: options.name })
  const queue = createWorkQueue({ clock, ...(observeQueue ? { observer: observeQueue(options.name) } : {}) })
  const aborted = whenAborted(signal)
  const disconnects = sources.map((from) => from.connect(queue.add))
  await Promise.race([Promise.all(sources.map((from) => from.synced)), aborted])
  if (signal.aborted) queue.close()
  void aborted.then(queue.close)
  await Promise.all(Array.from({ length: workers }, () => work(queue, { ...options, log })))
  for (const disconnect of disconnects) disconnect()
}

export const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const work = async (queue: WorkQueue, options: ControllerOptions): Promise<void> => {
  for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
    await reconcileOnce(queue, options, key)
    queue.done(key)
  }
}

const reconcileOnce = async (queue: WorkQueue, options: ControllerOptions, key: string): Promise<void> => {
  const { signal, clock, log } = options
  try {
    const result = await options.reconcile(key, { signal, clock, log })
    queue.forget(key)
    if (result) queue.addAfter(key, result.requeueAfterMs)
  } catch (error) {
    if (signal.aborted) return
    if (error instanceof TerminalError) {
      queue.forget(key)
      log.warn({ key, error: error.message }, 'given up until something changes')
      return
    }
    // Lost races are the normal case of optimistic writes; they are retried like the rest but are not news.
    const level = isStatusError(error, 'Conflict') || isStatusError(error, 'AlreadyExists') ? 'debug' : 'warn'
    log[level]({ key, error: (error as Error).message }, 'reconcile failed, will be retried')
    queue.addRateLimited(key)
  }
}
