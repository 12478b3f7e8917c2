import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import { bindingKey, type Binding } from './bindings.ts'
import { Claims } from './claims.ts'
import type { Listener } from './listener.ts'
import type { ServiceProxy } from './service-proxy-contract.ts'
import { listenTcp } from './tcp-listener.ts'
import { listenUdp } from './udp-listener.ts'

export interface UserspaceProxyOptions {
  readonly clock: Clock
  readonly log: Log
  /** Ends all listeners and connections. */
  readonly signal: AbortSignal
  readonly nodeOfClient?: ((ip: string) => string | undefined) | undefined
}

/** What has no endpoint is not bound, so that the kernel refuses; SCTP has no sockets here. */
const canListen = ({ protocol, endpoints, byClientNode }: Binding): boolean =>
  protocol !== 'SCTP' && (endpoints.length > 0 || Object.values(byClientNode ?? {}).some((each) => each.length > 0))

/** Sockets in this process. An endpoint sees the node's address, not the client's. */
export const createUserspaceProxy = (options: UserspaceProxyOptions): ServiceProxy => {
  const claims = new Claims()
  const bound = new Map<string, readonly string[]>()
  const listeners = new Map<string, { readonly listener: Listener; json: string }>()

  const listenFor = (address: string, binding: Binding) => {
    const json = JSON.stringify(binding)
    const current = listeners.get(address)
    if (!current) {
      const listen = binding.protocol === 'TCP' ? listenTcp : listenUdp
      listeners.set(address, { listener: listen({ ...options, binding }), json })
    } else if (current.json !== json) {
      current.listener.update(binding)
      current.json = json
    }
  }
  const settle = (keys: Iterable<string>) => {
    const wanted = new Map<string, Binding>()
    const before = new Set<string>()
    for (const key of keys) {
      const own = claims.won(key).filter(canListen)
      for (const address of bound.get(key) ?? []) before.add(address)
      for (const binding of own) wanted.set(bindingKey(binding), binding)
      if (own.length > 0) bound.set(key, own.map(bindingKey))
      else bound.delete(key)
    }
    for (const address of before) {
      if (wanted.has(address)) continue
      listeners.get(address)?.listener.close()
      listeners.delete(address)
    }
    for (const [address, binding] of wanted) listenFor(address, binding)
  }
  return {
    name: 'userspace',
    apply(changes) {
      if (options.signal.aborted) return
      const affected = new Set<string>()
      for (const [key, bindings] of changes) for (const each of claims.apply(key, bindings)) affected.add(each)
      settle(affected)
    },
    settled: () => Promise.resolve(),
  }
}
