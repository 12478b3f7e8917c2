import type { OwnerReference } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'

export interface GraphNode {
  readonly kind: Kind
  readonly object: KubeObject
}

/**
 * Who owns whom, over all kinds, as the informers show it. An arrow goes from each dependent to each uid in its ownerReferences,
 * whether or not that owner is known (yet, or any more).
 */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>()
  readonly #dependents = new Map<string, Set<string>>()

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid)
  }

  dependentsOf(uid: string): readonly GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#nodes.get(dependent) ?? [])
  }

  /** Takes a change over and answers the uids to look at because of it. */
  apply(kind: Kind, { old, object }: { readonly old?: KubeObject; readonly object?: KubeObject }): readonly string[] {
    if (old && object && isSameForUs(old, object)) {
      this.#nodes.set(object.metadata.uid, { kind, object })
      return []
    }
    if (old) this.#unlink(old)
    if (object) this.#link(kind, object)
    const uid = (object ?? old)?.metadata.uid ?? ''
    const released = old
      ? ownersOf(old)
          .filter((ref) => this.#isWaiting(ref.uid))
          .map((ref) => ref.uid)
      : []
    return object ? [uid, ...released] : [...this.dependentsOf(uid).map((node) => node.object.metadata.uid), ...released]
  }

  // Of an owner in foreground deletion: a dependent less may be the one that it waited for.
  #isWaiting(uid: string): boolean {
    const owner = this.#nodes.get(uid)?.object
    return owner !== undefined && isDeletingDependents(owner)
  }

  #link(kind: Kind, object: KubeObject) {
    this.#nodes.set(object.metadata.uid, { kind, object })
    for (const { uid } of ownersOf(object)) {
      const dependents = this.#dependents.get(uid) ?? new Set()
      this.#dependents.set(uid, dependents.add(object.metadata.uid))
    }
  }

  #unlink(object: KubeObject) {
    this.#nodes.delete(object.metadata.uid)
    for (const { uid } of ownersOf(object)) {
      const dependents = this.#dependents.get(uid)
      dependents?.delete(object.metadata.uid)
      if (dependents?.size === 0) this.#dependents.delete(uid)
    }
  }
}

export const ownersOf = (object: KubeObject): readonly OwnerReference[] => object.metadata.ownerReferences ?? []

export const isDeleting = (object: KubeObject): boolean => object.metadata.deletionTimestamp !== undefined

export const hasFinalizer = (object: KubeObject, name: string): boolean => object.metadata.finalizers?.includes(name) ?? false

/** In foreground deletion: it goes after its dependents. */
export const isDeletingDependents = (object: KubeObject): boolean => isDeleting(object) && hasFinalizer(object, 'foregroundDeletion')

const isSameForUs = (a: KubeObject, b: KubeObject): boolean => {
  const of = ({ metadata }: KubeObject) => JSON.stringify([metadata.uid, metadata.ownerReferences, metadata.deletionTimestamp, metadata.finalizers])
  return of(a) === of(b)
}
