import { StatusError } from '../../../base/machinery/status-error.ts'
import type { WatchRecord, WatchRecords } from '../outcome.ts'

/** How far a watcher may fall behind before its stream is ended and it lists again. */
const maxBehind = 100_000

/** Events between a synchronous producer and one reader. */
export class RecordQueue implements WatchRecords {
  #records: WatchRecord[] = []
  #ended = false
  #wake: (() => void) | undefined
  #cleanups: (() => void)[] = []

  push(record: WatchRecord): void {
    if (this.#ended) return
    this.#records.push(record)
    if (this.#records.length > maxBehind) return this.fail(new StatusError('Expired', 'The watcher is too slow: its events were dropped'))
    this.#wake?.()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const cleanup of this.#cleanups) cleanup()
    this.#cleanups = []
    this.#wake?.()
  }

  onEnd(cleanup: () => void): void {
    if (this.#ended) cleanup()
    else this.#cleanups.push(cleanup)
  }

  /** Everything that is waiting, in order; undefined at the end. */
  async take(): Promise<readonly WatchRecord[] | undefined> {
    while (this.#records.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const records = this.#records
    this.#records = []
    return records.length > 0 ? records : undefined
  }

  async *[Symbol.asyncIterator](): AsyncIterator<WatchRecord> {
    try {
      for (let batch = await this.take(); batch; batch = await this.take()) yield* batch
    } finally {
      this.end()
    }
  }

  /** Drops what waits: the reader is told why, and then the end. */
  fail(error: StatusError): void {
    if (this.#ended) return
    this.#records = [{ type: 'ERROR', object: error.toStatus() }]
    this.end()
  }
}
