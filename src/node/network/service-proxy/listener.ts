import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import type { Binding } from './bindings.ts'

/** One bound address and port. */
export interface Listener {
  /** Other endpoints from the next connection on; those that are open live on. */
  update(binding: Binding): void
  /** Gives the address free at once. Open connections live on until they end or `signal` aborts. */
  close(): void
}

export interface ListenerOptions {
  readonly binding: Binding
  readonly clock: Clock
  readonly log: Log
  /** Ends every connection. */
  readonly signal: AbortSignal
  readonly nodeOfClient?: ((ip: string) => string | undefined) | undefined
}

/** Calls `bind` until it works, with growing pauses: another process may hold the address, or the address is not here yet. */
export const keepBinding = (options: {
  bind: (failed: (error: Error) => void) => void
  binding: Pick<Binding, 'address' | 'port' | 'protocol' | 'servicePort'>
  clock: Clock
  log: Log
}): (() => void) => {
  let cancel = () => {}
  let pauseMs = 500
  const attempt = () =>
    options.bind((error) => {
      pauseMs = Math.min(pauseMs * 2, 30_000)
      const { address, port, protocol, servicePort } = options.binding
      options.log.warn({ address, port, protocol, servicePort, error: error.message }, 'cannot bind a Service address; trying again')
      cancel = options.clock.after(pauseMs, attempt)
    })
  attempt()
  return () => cancel()
}
