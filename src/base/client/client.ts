import type { Kind } from '../api/kind.ts'
import type { Draft, KubeList, KubeObject } from '../api/object.ts'

export interface ObjectRef {
  /** Absent for kinds without a namespace. */
  readonly namespace?: string | undefined
  readonly name: string
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  readonly resourceVersion?: string | undefined
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'

export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: WatchEventType
  readonly object: T
}

export type PatchType = 'json' | 'merge' | 'strategic'
export type PropagationPolicy = 'Background' | 'Foreground' | 'Orphan'

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: PropagationPolicy
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

/**
 * The Kubernetes API as one identity sees it. Every failure is a `StatusError` (../machinery/status-error.ts).
 * `HttpClient` speaks TLS; the server's own components use `LoopbackClient`, which skips only serialisation.
 * Objects it hands out are shared and read-only.
 */
export interface Client {
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options?: { subresource?: string }): Promise<T>
  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<KubeList<T>>
  /** Events in revision order after `resourceVersion`, until the server ends the stream or `signal` aborts (the loop then just ends). 410 Gone is thrown as a StatusError. */
  watch<T extends KubeObject>(kind: Kind<T>, options: ListOptions & { signal: AbortSignal; allowWatchBookmarks?: boolean }): AsyncIterable<WatchEvent<T>>
  /** The namespace comes from `object.metadata.namespace`. apiVersion and kind are filled in. */
  create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>): Promise<T>
  /** Replaces; with `metadata.resourceVersion` set it is a compare-and-swap (409 Conflict). */
  update<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options?: { subresource?: string }): Promise<T>
  patch<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, patch: unknown, options: { type: PatchType; subresource?: string }): Promise<T>
  delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options?: DeleteOptions): Promise<void>
  deleteCollection<T extends KubeObject>(kind: Kind<T>, options: ListOptions & DeleteOptions): Promise<void>
  /** POST to a subresource with an object of its own type: `pods/binding`, `serviceaccounts/token`. */
  createSubresource<R>(kind: Kind, ref: ObjectRef, subresource: string, body: object): Promise<R>
}
