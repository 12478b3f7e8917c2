// The merging of k8s.io/apimachinery/pkg/util/strategicpatch, driven by our schema. Works in place on what the caller owns.
import { schemaOf, type FieldSchema, type FieldType } from '../api/schema.ts'
import { inDirectedOrder } from './strategic-order.ts'

/** A patch that cannot be applied; the text is upstream's. */
export class PatchError extends Error {
  override name = 'PatchError'
}

type Json = Record<string, unknown>

const orderPrefix = '$setElementOrder/'
const deletePrefix = '$deleteFromPrimitiveList/'
const retainKeys = '$retainKeys'

/** How the lists and maps of one field are patched. */
interface Lookup {
  readonly type: FieldType | undefined
  readonly strategies: readonly string[]
  readonly mergeKey: string | undefined
}

const unknownField: Lookup = { type: undefined, strategies: [], mergeKey: undefined }

function lookup(owner: FieldType | undefined, key: string): Lookup {
  if (owner?.kind === 'map') return { ...unknownField, type: owner.element }
  if (owner?.kind !== 'struct') return unknownField
  const field: FieldSchema | undefined = schemaOf(owner.ref).fields.get(key)
  return field ? { type: field.type, strategies: field.patchStrategies, mergeKey: field.patchMergeKey } : unknownField
}

const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Merges `patch` into `original` and gives it back. Both are the caller's own; `type` is that of the two maps. */
export function mergeMap(original: Json, patch: Json, type: FieldType | undefined): Json {
  const directive = patch['$patch']
  if (directive !== undefined) return followDirective(directive, patch)
  keepOnlyRetained(original, patch)
  mergeOrderedLists(original, patch, type)
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deletePrefix)) deleteFromList(original, key.slice(deletePrefix.length), value)
    else if (value === null) delete original[key]
    else setOwn(original, key, mergeValue(Object.hasOwn(original, key) ? original[key] : undefined, value, lookup(type, key)))
  }
  for (const key of Object.keys(patch)) if (isMap(patch[key]) && original[key] === undefined) delete original[key]
  return original
}

function setOwn(target: Json, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}

function followDirective(directive: unknown, patch: Json): Json {
  if (directive === 'delete') return {}
  if (directive !== 'replace' && directive !== 'merge') throw new PatchError(`Unknown patch type found: ${String(directive)}`)
  delete patch['$patch']
  return patch
}

function mergeValue(original: unknown, patch: unknown, { type, strategies, mergeKey }: Lookup): unknown {
  if (Array.isArray(patch)) {
    if (!strategies.includes('merge')) return patch
    return mergeList(Array.isArray(original) ? original : [], patch, { element: type?.kind === 'list' ? type.element : undefined, mergeKey })
  }
  if (!isMap(patch)) return patch
  if (original === undefined && patch['$patch'] === 'delete') return undefined
  if (strategies.includes('replace')) return patch
  return mergeMap(isMap(original) ? original : {}, patch, type)
}

function keepOnlyRetained(original: Json, patch: Json): void {
  const kept = patch[retainKeys]
  delete patch[retainKeys]
  if (kept === undefined) return
  if (!Array.isArray(kept)) throw new PatchError('invalid patch format of retainKeys')
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && !key.startsWith('$') && !kept.includes(key)) throw new PatchError('invalid patch format of retainKeys')
  }
  for (const key of Object.keys(original)) if (!kept.includes(key)) delete original[key]
}

function deleteFromList(original: Json, key: string, value: unknown): void {
  if (!Array.isArray(value)) throw new PatchError('invalid patch format of primitive list')
  const list = original[key]
  if (Array.isArray(list)) original[key] = list.filter((item) => !value.includes(item))
}

/** Takes each `$setElementOrder/x` out of the patch together with its list `x`, merged and in the order it asks for. */
function mergeOrderedLists(original: Json, patch: Json, type: FieldType | undefined): void {
  for (const key of Object.keys(patch).filter((name) => name.startsWith(orderPrefix))) {
    const [name, order] = [key.slice(orderPrefix.length), patch[key]]
    delete patch[key]
    if (!Array.isArray(order)) throw new PatchError('invalid patch format of setElementOrder list')
    const found = lookup(type, name)
    const deletions = deletePrefix + name
    if (patch[deletions] !== undefined) {
      deleteFromList(original, name, patch[deletions])
      delete patch[deletions]
    }
    const before = Array.isArray(original[name]) ? [...(original[name] as unknown[])] : undefined
    const merged = Array.isArray(patch[name]) ? mergeValue(original[name], patch[name], found) : patch[name] === null ? undefined : before
    if (!Array.isArray(merged)) continue
    original[name] = inDirectedOrder({ items: merged, order, before: before ?? [], mergeKey: found.mergeKey })
    delete patch[name]
  }
}

interface ListRule {
  readonly element: FieldType | undefined
  readonly mergeKey: string | undefined
}

function mergeList(original: unknown[], patch: readonly unknown[], rule: ListRule): unknown[] {
  if (patch.length === 0) return original
  if (!isMap(patch[0])) return [...new Set([...original, ...patch])]
  const { mergeKey } = rule
  if (mergeKey === undefined) throw new PatchError('cannot merge lists without merge key')
  const items = patch.map((item) => {
    if (!isMap(item)) throw new PatchError('list element types are not identical')
    return item
  })
  const special = items.filter((item) => item['$patch'] !== undefined)
  const plain = items.filter((item) => item['$patch'] === undefined)
  if (special.some((item) => item['$patch'] === 'replace')) return plain
  const kept = special.reduce<unknown[]>((list, item) => withoutDeleted(list, item, mergeKey), original)
  return mergeItems(kept, plain, { ...rule, mergeKey })
}

function withoutDeleted(list: unknown[], item: Json, mergeKey: string): unknown[] {
  if (item['$patch'] === 'merge') throw new PatchError('merging lists cannot yet be specified in the patch')
  if (item['$patch'] !== 'delete') throw new PatchError(`unknown patch type found: ${String(item['$patch'])}`)
  const value = keyOf(item, mergeKey)
  return list.filter((candidate) => !isMap(candidate) || candidate[mergeKey] !== value)
}

function mergeItems(original: unknown[], patch: readonly Json[], { element, mergeKey }: { element: FieldType | undefined; mergeKey: string }): unknown[] {
  const out = [...original]
  for (const item of patch) {
    const value = keyOf(item, mergeKey)
    const at = out.findIndex((candidate) => isMap(candidate) && candidate[mergeKey] === value)
    const merged = mergeMap(at < 0 ? {} : (out[at] as Json), item, element)
    if (at < 0) out.push(merged)
    else out[at] = merged
  }
  return out
}

function keyOf(item: Json, mergeKey: string): unknown {
  if (item[mergeKey] === undefined) throw new PatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`)
  return item[mergeKey]
}
