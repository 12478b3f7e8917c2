import { apiVersionOf, type Kind } from '../api/kind.ts'
import { keyOf, type KubeObject } from '../api/object.ts'
import { StatusError } from '../machinery/status-error.ts'
import type { WatchEvent } from './client.ts'

/** One event of the log, with the kind that it belongs to. */
export interface FakeLogEntry {
  readonly revision: number
  readonly kind: string
  readonly event: WatchEvent
}

/** Objects by kind and key under one global revision, with the whole log of what happened. In memory, for tests. */
export class FakeStore {
  readonly log: FakeLogEntry[] = []
  readonly #objects = new Map<string, Map<string, KubeObject>>()
  readonly #listeners = new Set<() => void>()
  #revision = 1

  get revision(): number {
    return this.#revision
  }

  of(kind: Kind): Map<string, KubeObject> {
    const id = kindId(kind)
    const objects = this.#objects.get(id) ?? new Map<string, KubeObject>()
    this.#objects.set(id, objects)
    return objects
  }

  put(kind: Kind, object: KubeObject): KubeObject {
    const type = this.of(kind).has(keyOf(object)) ? 'MODIFIED' : 'ADDED'
    const stored = this.#stamped(kind, object)
    this.of(kind).set(keyOf(stored), stored)
    this.#publish(kind, { type, object: stored })
    return stored
  }

  remove(kind: Kind, object: KubeObject): void {
    this.of(kind).delete(keyOf(object))
    this.#publish(kind, { type: 'DELETED', object: this.#stamped(kind, object) })
  }

  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #stamped(kind: Kind, object: KubeObject): KubeObject {
    this.#revision++
    return deepFreeze({ ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } })
  }

  #publish(kind: Kind, event: WatchEvent) {
    this.log.push({ revision: this.#revision, kind: kindId(kind), event })
    for (const listener of this.#listeners) listener()
  }
}

export const kindId = (kind: Kind): string => `${kind.group}/${kind.plural}`

export const notFound = (kind: Kind, name: string): StatusError =>
  new StatusError('NotFound', `${kind.group ? `${kind.plural}.${kind.group}` : kind.plural} "${name}" not found`, {
    name,
    group: kind.group,
    kind: kind.plural,
  })

export const deepFreeze = <T>(value: T): T => {
  if (value && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
