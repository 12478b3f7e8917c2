import { keyOf, type KubeObject } from '../api/object.ts'
import type { Informer, InformerHandler } from './informer-contract.ts'

/** The objects of one kind by key, by namespace and by index; tells its handlers of every change. */
export interface ObjectCache<T extends KubeObject> extends Omit<Informer<T>, 'synced'> {
  set(object: T): void
  /** `last` is the object's last state, where it is known to be newer than the cached one. */
  remove(key: string, last?: T): void
  /** Takes a whole list: what is not in it is removed, what did not change is not told. */
  replace(objects: readonly T[]): void
}

interface Index<T> {
  readonly values: (object: T) => readonly string[]
  readonly keys: Map<string, Set<string>>
}

export const createObjectCache = <T extends KubeObject>(): ObjectCache<T> => {
  const objects = new Map<string, T>()
  const handlers = new Set<InformerHandler<T>>()
  const indexes = new Map<string, Index<T>>()
  const byNamespace: Index<T> = { values: (object) => [object.metadata.namespace ?? ''], keys: new Map() }

  const reindex = (key: string, old: T | undefined, object: T | undefined) => {
    for (const index of [byNamespace, ...indexes.values()]) {
      if (old) for (const value of index.values(old)) drop(index.keys, value, key)
      if (object) for (const value of index.values(object)) place(index.keys, value, key)
    }
  }
  const tell = (change: { old?: T; object?: T }) => {
    for (const handler of handlers) handler(change)
  }
  const found = (keys: ReadonlySet<string> | undefined): T[] => [...(keys ?? [])].map((key) => objects.get(key)).filter((object) => object !== undefined)

  const cache: ObjectCache<T> = {
    get: (key) => objects.get(key),
    list: (namespace) => (namespace === undefined ? [...objects.values()] : found(byNamespace.keys.get(namespace))),
    byIndex(name, value) {
      const index = indexes.get(name)
      if (!index) throw new Error(`there is no index ${name}`)
      return found(index.keys.get(value))
    },
    addIndex(name, values) {
      if (indexes.has(name)) return
      const index: Index<T> = { values, keys: new Map() }
      for (const [key, object] of objects) for (const value of values(object)) place(index.keys, value, key)
      indexes.set(name, index)
    },
    onChange(handler) {
      for (const object of objects.values()) handler({ object })
      handlers.add(handler)
      return () => handlers.delete(handler)
    },
    set(object) {
      const key = keyOf(object)
      const old = objects.get(key)
      if (old && old.metadata.uid !== object.metadata.uid) cache.remove(key)
      else if (old?.metadata.resourceVersion === object.metadata.resourceVersion && old !== undefined) return
      const same = old?.metadata.uid === object.metadata.uid ? old : undefined
      objects.set(key, object)
      reindex(key, same, object)
      tell(same ? { old: same, object } : { object })
    },
    remove(key, last) {
      const old = objects.get(key)
      if (!old) return
      objects.delete(key)
      reindex(key, old, undefined)
      tell({ old: last?.metadata.uid === old.metadata.uid ? last : old })
    },
    replace(list) {
      const kept = new Set(list.map(keyOf))
      for (const key of [...objects.keys()]) if (!kept.has(key)) cache.remove(key)
      for (const object of list) cache.set(object)
    },
  }
  return cache
}

const place = (keys: Map<string, Set<string>>, value: string, key: string) => {
  const set = keys.get(value)
  if (set) set.add(key)
  else keys.set(value, new Set([key]))
}

const drop = (keys: Map<string, Set<string>>, value: string, key: string) => {
  const set = keys.get(value)
  set?.delete(key)
  if (set?.size === 0) keys.delete(value)
}
