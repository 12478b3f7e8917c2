import type { KubeObject } from './object.ts'

/** What a client must know of a kind to address it. `T` is the object's type and exists at compile time only. */
export interface Kind<T extends KubeObject = KubeObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Plural, as in paths: `deployments`. */
  readonly plural: string
  readonly singular: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  /** The type's place in facts.json, such as `apps/v1.Deployment`. */
  readonly type: string
  readonly __object?: T
}

/** `v1` or `apps/v1`. */
export const apiVersionOf = (kind: Pick<Kind, 'group' | 'version'>): string => (kind.group ? `${kind.group}/${kind.version}` : kind.version)
