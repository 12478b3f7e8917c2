import { isMember, type FieldSet } from './field-set.ts'
import type { Shape } from './shape.ts'
import { entryOf, isEmptyValue, isMap, itemsOf, settle, type Json } from './walk.ts'

/** `live` with everything that `config` names. Neither is changed; the result shares with both. */
export function merge(open: Shape, live: unknown, config: unknown): unknown {
  if (config === undefined) return live
  if (live === undefined) return config
  const shape = settle(open, live, config)
  if (shape.kind === 'leaf' || (isEmptyValue(live) && isEmptyValue(config))) return config
  if (shape.kind === 'set' || shape.kind === 'keyed') return mergeLists(shape, live, config)
  const [to, from] = [isMap(live) ? live : {}, isMap(config) ? config : {}]
  const out: Json = { ...to }
  for (const name of Object.keys(from)) {
    const merged = merge(entryOf(shape, name)?.shape ?? { kind: 'deduced' }, Object.hasOwn(to, name) ? to[name] : undefined, from[name])
    Object.defineProperty(out, name, { value: merged, enumerable: true, configurable: true, writable: true })
  }
  return out
}

/**
 * What both have stands in the configuration's order, and what only one has where it stood in relation to its neighbours:
 * live [a b x c] and configuration [c a d] give [b x c a d].
 */
function mergeLists(shape: Extract<Shape, { kind: 'set' | 'keyed' }>, live: unknown, config: unknown): unknown[] {
  const [to, from] = [itemsOf(shape, live), itemsOf(shape, config)]
  const element: Shape = shape.kind === 'keyed' ? shape.element : { kind: 'leaf' }
  const own = [...to.keys()]
  const shared = [...from.keys()].filter((key) => to.has(key))
  const out: unknown[] = []
  // Live items up to the next shared one; shared ones come when the configuration names them.
  const takeOwn = (): void => {
    while (own.length && own[0] !== shared[0]) {
      const key = own.shift()!
      if (!from.has(key)) out.push(...to.get(key)!)
    }
  }
  for (const [key, [item]] of from) {
    takeOwn()
    const before = to.get(key)
    out.push(before?.length === 1 ? merge(element, before[0], item) : item)
    if (key !== shared[0]) continue
    shared.shift()
    own.shift()
  }
  takeOwn()
  return out
}

/** The value without what is in the set; what becomes empty by it goes, too. */
export function remove(open: Shape, value: unknown, set: FieldSet): unknown {
  const shape = settle(open, value, undefined)
  if (shape.kind === 'set' || shape.kind === 'keyed') return removeItems(shape, value, set)
  if (shape.kind === 'leaf' || !isMap(value) || isEmptyValue(value)) return value
  const out: Json = {}
  for (const name of Object.keys(value)) {
    const entry = entryOf(shape, name)
    const node = set[entry?.element ?? `f:${name}`]
    if (isMember(node)) continue
    const kept = node && entry ? remove(entry.shape, value[name], node) : value[name]
    if (kept !== undefined) Object.defineProperty(out, name, { value: kept, enumerable: true, configurable: true, writable: true })
  }
  return isEmptyValue(out) ? undefined : out
}

function removeItems(shape: Extract<Shape, { kind: 'set' | 'keyed' }>, value: unknown, set: FieldSet): unknown {
  if (!Array.isArray(value) || value.length === 0) return value
  const out: unknown[] = []
  for (const [element, items] of itemsOf(shape, value)) {
    const node = set[element]
    if (isMember(node)) continue
    out.push(...(node && shape.kind === 'keyed' ? items.map((item) => remove(shape.element, item, node) ?? {}) : items))
  }
  return out.length ? out : undefined
}
