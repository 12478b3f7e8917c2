/** Runs one task a key at a time: who asks for what is already under way waits for the same outcome. */
export class JoinedTasks<T> {
  readonly #running = new Map<string, { readonly outcome: Promise<T>; readonly stop: AbortController; waiters: number }>()

  /** A task is stopped when nobody waits for it any more. */
  run(key: string, signal: AbortSignal | undefined, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const task = this.#running.get(key) ?? this.#start(key, start)
    task.waiters += 1
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        if ((task.waiters -= 1) === 0) {
          this.#forget(key, task.stop)
          task.stop.abort(signal?.reason)
        }
        reject(signal?.reason as Error)
      }
      if (signal?.aborted) return leave()
      signal?.addEventListener('abort', leave, { once: true })
      void task.outcome.then(resolve, reject).finally(() => signal?.removeEventListener('abort', leave))
    })
  }

  #start(key: string, start: (signal: AbortSignal) => Promise<T>) {
    const stop = new AbortController()
    const task = { outcome: start(stop.signal).finally(() => this.#forget(key, stop)), stop, waiters: 0 }
    this.#running.set(key, task)
    return task
  }

  #forget(key: string, stop: AbortController): void {
    if (this.#running.get(key)?.stop === stop) this.#running.delete(key)
  }
}
