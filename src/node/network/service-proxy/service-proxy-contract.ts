import type { Binding } from './bindings.ts'

/** Makes Services' addresses answer. How (sockets, packet rules) is the implementation's. */
export interface ServiceProxy {
  readonly name: 'nftables' | 'userspace'
  /** Replaces all that each Service (`namespace/name`) binds. The first call holds every Service there is. Cheap where nothing changed. */
  apply(changes: ReadonlyMap<string, readonly Binding[]>): void
  /** Resolves when what was applied so far holds. */
  settled(): Promise<void>
}
