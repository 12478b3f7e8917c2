import type { ListMeta, ObjectMeta, TypeMeta } from './generated/types.ts'

/** Any served object. What the API hands out is read-only: whoever changes one makes the copy. */
export interface KubeObject extends TypeMeta {
  readonly metadata: ObjectMeta
}

/** A list as the API answers it. */
export interface KubeList<T> extends TypeMeta {
  readonly metadata: ListMeta
  readonly items: readonly T[]
}

/** An object as a client writes it: every field may be left out, defaults and the server fill the rest. */
export type Draft<T> = T extends string | number | boolean | undefined | null
  ? T
  : T extends readonly (infer U)[]
    ? readonly Draft<U>[]
    : { readonly [K in keyof T]?: Draft<T[K]> | undefined }

/** A private copy that may be changed. */
export type Mutable<T> = T extends string | number | boolean | undefined | null
  ? T
  : T extends readonly (infer U)[]
    ? Mutable<U>[]
    : { -readonly [K in keyof T]: Mutable<T[K]> }

/** A deep copy of JSON that the caller owns. By hand, as it is under every write: structuredClone takes several times as long. */
export const mutableCopy = <T>(value: T): Mutable<T> => copyOf(value) as Mutable<T>

function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copyOf)
  const out: Record<string, unknown> = {}
  for (const key in value) {
    const copy = copyOf((value as Record<string, unknown>)[key])
    if (key === '__proto__') Object.defineProperty(out, key, { value: copy, enumerable: true, configurable: true, writable: true })
    else out[key] = copy
  }
  return out
}

/** `namespace/name`, or `name` for what has no namespace: the key that queues and caches use. */
export const keyOf = (object: KubeObject): string => (object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : object.metadata.name)
