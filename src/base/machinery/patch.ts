// The three patch formats of the API. Each gives a new document and changes neither argument.
import jsonPatch from 'fast-json-patch'
import { mutableCopy } from '../api/object.ts'
import { findSchema } from '../api/schema.ts'
import { StatusError } from './status-error.ts'
import { mergeMap } from './strategic-merge.ts'

export { PatchError } from './strategic-merge.ts'

type Json = Record<string, unknown>

/** RFC 6902. Throws StatusError Invalid (422) for a patch that does not apply, BadRequest for one that is no patch. */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  if (!Array.isArray(patch)) throw new StatusError('BadRequest', 'error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  if (patch.length > 10_000) {
    throw new StatusError('RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is 10000, got ${patch.length}`)
  }
  try {
    return jsonPatch.applyPatch(mutableCopy(document) as T, mutableCopy(patch) as jsonPatch.Operation[], true).newDocument
  } catch (cause) {
    throw new StatusError('Invalid', 'the server rejected our request due to an error in our request', undefined, { cause })
  }
}

/** RFC 7386. */
export function mergePatch(original: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return mutableCopy(patch)
  const out: Json = isMap(original) ? mutableCopy(original) : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key]
    else setOwn(out, key, mergePatch(Object.hasOwn(out, key) ? out[key] : undefined, value))
  }
  return out
}

/**
 * Upstream's strategic merge: lists merge by the schema's keys and strategies; `$patch`, `$retainKeys`, `$deleteFromPrimitiveList/…` and `$setElementOrder/…`
 * are followed. A type without a schema merges as maps and replaces lists. Throws PatchError with upstream's text.
 */
export function strategicMergePatch<T = unknown>(type: string, original: unknown, patch: unknown): T {
  const root = findSchema(type) ? ({ kind: 'struct', pointer: false, ref: type } as const) : undefined
  return mergeMap(mutableCopy(original) as Json, mutableCopy(patch) as Json, root) as T
}

const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

function setOwn(target: Json, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}
