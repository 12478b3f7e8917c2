import { apiVersionOf } from '../../../base/api/kind.ts'
import type { Kind } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Resource, StoredAs } from '../../../base/api/resource.ts'
import type { ObjectRef } from '../../../base/client/client.ts'
import type { RangeOptions, Store, StoreEvent, StoreWatcher } from '../../store/store.ts'
import { Lru } from '../lru.ts'
import { deepFreeze, encodeStored, Item } from './item.ts'

/** Stored bytes whose decoded and encoded forms are kept at most. */
const cachedBytes = 24 * 1024 * 1024

export interface ItemRange {
  readonly items: readonly Item[]
  readonly revision: number
  readonly next?: string
  readonly remaining: number
}

type Stored = Pick<Resource, 'kind' | 'storedAs'>

/** Keys carry no version, and the group and plural of the kind that the objects are stored as. */
export function prefixOf(resource: Stored, namespace?: string): string {
  const { group, plural } = resource.storedAs?.kind ?? resource.kind
  return `/registry/${group || 'core'}/${plural}/${namespace ? `${namespace}/` : ''}`
}

export const storageKey = (resource: Stored, ref: ObjectRef): string => prefixOf(resource, resource.kind.namespaced ? ref.namespace : undefined) + ref.name

/** Objects over the store of bytes: one decoded and one encoded form a revision, shared by all readers. */
export class ObjectStorage {
  readonly store: Store
  readonly #cache = new Lru<number, Item>(cachedBytes)

  readonly #freeze: boolean

  constructor(store: Store, options: { freeze?: boolean } = {}) {
    this.store = store
    this.#freeze = options.freeze ?? false
  }

  get revision(): number {
    return this.store.revision
  }

  get(resource: Resource, ref: ObjectRef): Item | undefined {
    const entry = this.store.get(storageKey(resource, ref))
    return entry && this.item(resource, entry)
  }

  list(resource: Resource, namespace?: string, options?: RangeOptions): ItemRange {
    const range = this.store.list(prefixOf(resource, namespace), options)
    return { ...range, items: range.entries.map((entry) => this.item(resource, entry)) }
  }

  /** How many objects of a kind there are. */
  count(resource: Resource): number {
    return this.store.count(prefixOf(resource))
  }

  item(resource: Resource, stored: { readonly key: string; readonly revision: number; readonly value: Uint8Array }): Item {
    const cached = this.#cache.get(stored.revision)
    if (cached?.resource === resource && cached.key === stored.key) return cached
    const item = new Item(resource, resource.storedAs ? { ...stored, value: reworded(resource.storedAs, stored.value) } : stored)
    if (this.#freeze) deepFreeze(item.object)
    this.#cache.set(stored.revision, item, stored.value.length)
    return item
  }

  /** Undefined when the key does not stand at `expected` (0: absent). The object becomes shared: the caller lets go of it. */
  async put(resource: Resource, object: KubeObject, expected: number, value = encodeStored(object)): Promise<Item | undefined> {
    const key = storageKey(resource, object.metadata)
    const result = await this.store.put(key, resource.storedAs ? encodeStored(resource.storedAs.toStored(object)) : value, expected)
    if (!result.ok) return undefined
    const shared = { ...object, ...typeMetaOf(resource.kind), metadata: { ...object.metadata, resourceVersion: String(result.revision) } }
    const item = new Item(resource, { key, value, revision: result.revision }, this.#freeze ? deepFreeze(shared) : shared)
    this.#cache.set(result.revision, item, value.length)
    return item
  }

  /** The item as it was last, at the revision of its deletion; undefined when it does not stand at `expected`. */
  async delete(item: Item): Promise<Item | undefined> {
    const result = await this.store.delete(item.key, item.revision)
    return result.ok ? new Item(item.resource, { key: item.key, value: item.value, revision: result.revision }) : undefined
  }

  /** An earlier state under the revision of the change that made a watcher lose sight of it. */
  outdated(item: Item, revision: number): Item {
    return new Item(item.resource, { key: item.key, value: item.value, revision })
  }

  /** Events of at least what is asked for: with a name also those of names that begin with it. */
  watch(
    resource: Resource,
    { namespace, name = '' }: { namespace?: string | undefined; name?: string | undefined },
    from: number,
    onEvent: (event: StoreEvent) => void,
  ): StoreWatcher {
    const isOnePlace = !resource.kind.namespaced || namespace !== undefined
    return this.store.watch(prefixOf(resource, namespace) + (isOnePlace ? name : ''), from, onEvent)
  }
}

/** Stored bytes in the words of the kind that reads them. */
const reworded = ({ fromStored }: StoredAs, value: Uint8Array): Uint8Array => encodeStored(fromStored(JSON.parse(Buffer.from(value).toString()) as KubeObject))

export const typeMetaOf = (kind: Kind): { kind: string; apiVersion: string } => ({ kind: kind.kind, apiVersion: apiVersionOf(kind) })
