import type { OwnerReference } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Client } from '../../../base/client/client.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { isDeletingDependents, type OwnerGraph, ownersOf } from './graph.ts'

export interface SortedOwners {
  readonly solid: readonly OwnerReference[]
  /** In foreground deletion, and waiting for their dependents. */
  readonly waiting: readonly OwnerReference[]
  /** No longer there. */
  readonly gone: readonly OwnerReference[]
}

const rememberedUids = 500

/** Answers what became of owners: from the graph where it knows them, else from the API, remembering uids that are gone for good. */
export class Owners {
  readonly #client: Client
  readonly #graph: OwnerGraph
  readonly #kinds: readonly Kind[]
  readonly #gone = new Set<string>()

  constructor({ client, graph, kinds }: { client: Client; graph: OwnerGraph; kinds: readonly Kind[] }) {
    this.#client = client
    this.#graph = graph
    this.#kinds = kinds
  }

  async sort(object: KubeObject): Promise<SortedOwners> {
    const sorted = { solid: [] as OwnerReference[], waiting: [] as OwnerReference[], gone: [] as OwnerReference[] }
    for (const ref of ownersOf(object)) {
      const owner = await this.#find(ref, object.metadata.namespace)
      if (owner === 'unknown') sorted.solid.push(ref)
      else if (!owner) sorted.gone.push(ref)
      else sorted[isDeletingDependents(owner) ? 'waiting' : 'solid'].push(ref)
    }
    return sorted
  }

  /** `unknown`: nobody can say, so the dependent is left alone. */
  async #find(ref: OwnerReference, namespace: string | undefined): Promise<KubeObject | 'unknown' | undefined> {
    const known = this.#graph.get(ref.uid)?.object
    if (known && (known.metadata.namespace ?? namespace) === namespace) return known
    const kind = this.#kindOf(ref)
    if (!kind || (kind.namespaced && namespace === undefined)) return 'unknown'
    if (this.#gone.has(ref.uid)) return undefined
    try {
      const live = await this.#client.get(kind, { ...(kind.namespaced ? { namespace } : {}), name: ref.name })
      if (live.metadata.uid === ref.uid) return live
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error
    }
    if (!known) this.#remember(ref.uid)
    return undefined
  }

  #kindOf({ apiVersion, kind }: OwnerReference): Kind | undefined {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
    return this.#kinds.find((candidate) => candidate.group === group && candidate.kind === kind)
  }

  #remember(uid: string) {
    this.#gone.add(uid)
    const oldest = this.#gone.values().next().value
    if (this.#gone.size > rememberedUids && oldest !== undefined) this.#gone.delete(oldest)
  }
}
