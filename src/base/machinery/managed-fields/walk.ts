// What the walks over values share.
import type { Shape } from './shape.ts'

export type Json = Record<string, unknown>

export const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

export function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (Array.isArray(value)) return value.length === 0
  if (typeof value !== 'object') return false
  for (const _ in value) return false
  return true
}

/** The shape by which two values (one may be absent) are walked; leaf where they are taken whole. */
export function settle(shape: Shape, a: unknown, b: unknown): Exclude<Shape, { kind: 'deduced' }> {
  if (shape.kind !== 'deduced') return shape
  return (a === undefined || a === null || isMap(a)) && (b === undefined || b === null || isMap(b)) ? { kind: 'map', element: shape } : { kind: 'leaf' }
}

/** The element and shape of one entry of a struct or map; undefined: the schema does not know it. */
export function entryOf(shape: Extract<Shape, { kind: 'struct' | 'map' }>, name: string): { element: string; shape: Shape } | undefined {
  return shape.kind === 'map' ? { element: `f:${name}`, shape: shape.element } : shape.fields.get(name)
}

type ListShape = Extract<Shape, { kind: 'set' | 'keyed' }>

/** A list's items by their element: `k:{"name":"web"}`, `v:"a"`. Items that share one (upstream lets them) stand together. */
export function itemsOf(shape: ListShape, list: unknown): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>()
  if (!Array.isArray(list)) return items
  for (const [index, item] of list.entries()) {
    const element = elementOf(shape, item, index)
    const same = items.get(element)
    if (same) same.push(item)
    else items.set(element, [item])
  }
  return items
}

/** An item of a list that has not the keys its list is merged by; the text is upstream's. */
export class MissingKey extends Error {
  override name = 'MissingKey'
}

function elementOf(shape: ListShape, item: unknown, index: number): string {
  if (shape.kind === 'set') return `v:${JSON.stringify(item)}`
  const keys: Json = {}
  for (const key of shape.keys) {
    const value = (isMap(item) ? item[key.name] : undefined) ?? key.default
    if (value === undefined)
      throw new MissingKey(
        `element ${index}: associative list with keys has an element that omits key field ${JSON.stringify(key.name)} (and doesn't have default value)`,
      )
    keys[key.name] = value
  }
  return `k:${JSON.stringify(keys)}`
}
