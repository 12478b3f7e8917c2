import type { EndpointSlice } from '../../../base/api/generated/types.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import type { Clock } from '../../../base/lib/clock.ts'

export interface EndpointWithdrawalsOptions {
  readonly slices: Informer<EndpointSlice>
  /** Resolves when the proxy acts by the slices as they are now. */
  readonly programmed: () => Promise<void>
  readonly clock: Clock
}

// A connection that was given to the Pod just before has time to arrive and to be accepted.
const arrivalMs = 50

const byTarget = 'target'

/** Tells when new connections have stopped to be sent to a Pod that ends. */
export class EndpointWithdrawals {
  readonly #options: EndpointWithdrawalsOptions
  readonly #waiting = new Set<() => void>()

  constructor(options: EndpointWithdrawalsOptions) {
    this.#options = options
    options.slices.addIndex(byTarget, (slice) => (slice.endpoints ?? []).flatMap(({ targetRef }) => targetRef?.uid ?? []))
    options.slices.onChange(() => {
      for (const look of this.#waiting) look()
    })
  }

  /** At once for a Pod that is no Service's endpoint. Unbounded: a Pod that does not end stays an endpoint. */
  async of(podUid: string, signal: AbortSignal): Promise<void> {
    if (this.#options.slices.byIndex(byTarget, podUid).length === 0) return
    await this.#left(podUid, signal)
    if (!signal.aborted) await this.#options.programmed()
    await this.#options.clock.sleep(arrivalMs, signal).catch(() => undefined)
  }

  #left(podUid: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!signal.aborted && this.#isOffered(podUid)) return
        this.#waiting.delete(look)
        signal.removeEventListener('abort', look)
        resolve()
      }
      this.#waiting.add(look)
      signal.addEventListener('abort', look)
      look()
    })
  }

  /** A terminating endpoint is a last resort, whatever `publishNotReadyAddresses` says of its readiness. */
  #isOffered(podUid: string): boolean {
    const endpoints = this.#options.slices.byIndex(byTarget, podUid).flatMap((slice) => slice.endpoints ?? [])
    return endpoints.some(({ targetRef, conditions }) => targetRef?.uid === podUid && conditions?.ready !== false && conditions?.terminating !== true)
  }
}
