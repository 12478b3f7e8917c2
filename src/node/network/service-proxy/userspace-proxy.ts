import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import { bindingKey, type Binding } from './bindings.ts'
import type { Listener } from './listener.ts'
import { listenTcp } from './tcp-listener.ts'
import { listenUdp } from './udp-listener.ts'

/** Makes Services' addresses answer. How (sockets, packet rules) is the implementation's. */
export interface ServiceProxy {
  /** Replaces all that the Service `key` (`namespace/name`) binds. Cheap where nothing changed. */
  apply(key: string, bindings: readonly Binding[]): void
}

export interface UserspaceProxyOptions {
  readonly clock: Clock
  readonly log: Log
  /** Ends all listeners and connections. */
  readonly signal: AbortSignal
  readonly nodeOfClient?: ((ip: string) => string | undefined) | undefined
}

interface Claim {
  readonly binding: Binding
  readonly json: string
}

/**
 * Sockets in this process. An endpoint sees the node's address, not the client's. Two Services that claim one address and port:
 * the first one has it, the next takes over when it goes.
 */
export const createUserspaceProxy = (options: UserspaceProxyOptions): ServiceProxy => {
  const claims = new Map<string, Map<string, Claim>>()
  const bound = new Map<string, readonly string[]>()
  const listeners = new Map<string, { listener: Listener; json: string }>()

  const settle = (address: string) => {
    const claim = claims.get(address)?.values().next().value
    const current = listeners.get(address)
    if (!claim) {
      current?.listener.close()
      listeners.delete(address)
    } else if (!current) {
      const listen = claim.binding.protocol === 'TCP' ? listenTcp : listenUdp
      listeners.set(address, { listener: listen({ ...options, binding: claim.binding }), json: claim.json })
    } else if (current.json !== claim.json) {
      current.listener.update(claim.binding)
      current.json = claim.json
    }
  }
  const release = (address: string, key: string) => {
    const of = claims.get(address)
    of?.delete(key)
    if (of?.size === 0) claims.delete(address)
  }
  return {
    apply(key, bindings) {
      if (options.signal.aborted) return
      const wanted = new Map(bindings.map((binding) => [bindingKey(binding), binding]))
      const before = bound.get(key) ?? []
      for (const address of before) if (!wanted.has(address)) release(address, key)
      for (const [address, binding] of wanted) {
        const of = claims.get(address) ?? new Map<string, Claim>()
        claims.set(address, of.set(key, { binding, json: JSON.stringify(binding) }))
      }
      if (wanted.size > 0) bound.set(key, [...wanted.keys()])
      else bound.delete(key)
      for (const address of new Set([...before, ...wanted.keys()])) settle(address)
    },
  }
}
