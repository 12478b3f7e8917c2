import type { KubeObject } from '../api/object.ts'

export interface InformerHandler<T extends KubeObject> {
  /** `old` is absent for an addition; `object` is absent for a removal. Synchronous, must not throw. */
  (change: { readonly old?: T; readonly object?: T }): void
}

/** A local, always fresh copy of one kind: list, then watch, then re-list on 410, with backoff. */
export interface Informer<T extends KubeObject> {
  /** Resolves when the first list is in the cache and the handlers have seen it. */
  readonly synced: Promise<void>
  /** By `namespace/name` (or `name`). */
  get(key: string): T | undefined
  list(namespace?: string): readonly T[]
  /** Objects whose index value (see `addIndex`) equals `value`. */
  byIndex(index: string, value: string): readonly T[]
  addIndex(name: string, values: (object: T) => readonly string[]): void
  /** Called for what is in the cache already, then for every change. Returns a function that removes it. */
  onChange(handler: InformerHandler<T>): () => void
}
