import { asMember, emptySet, isEmptySet, leaf, type FieldSet, type OpenFieldSet } from './field-set.ts'
import type { Shape } from './shape.ts'
import { entryOf, isEmptyValue, isMap, itemsOf, settle } from './walk.ts'

/** Every field that a value names: its leaves, the items of its lists and the keys of its maps. */
export const setOf = (shape: Shape, value: unknown): FieldSet => nodeOf(shape, value) ?? emptySet

function nodeOf(open: Shape, value: unknown): FieldSet | undefined {
  const shape = settle(open, value, undefined)
  if (shape.kind === 'leaf') return leaf
  const out: OpenFieldSet = {}
  if (shape.kind === 'set' || shape.kind === 'keyed') {
    for (const [element, [item]] of itemsOf(shape, value)) out[element] = asMember(shape.kind === 'set' ? undefined : nodeOf(shape.element, item))
  } else if (isMap(value)) {
    for (const name in value) addEntry(shape, { name, value: value[name] }, out)
  }
  return isEmptySet(out) ? undefined : out
}

function addEntry(shape: Extract<Shape, { kind: 'struct' | 'map' }>, { name, value }: { name: string; value: unknown }, out: OpenFieldSet): void {
  const entry = entryOf(shape, name)
  if (!entry) return
  const node = nodeOf(entry.shape, value)
  // Keys of a map are owned, fields of a struct by what is in them; an empty struct or map is a value of its own.
  const isOwned = shape.kind === 'map' || value === null || (isMap(value) && isEmptyValue(value))
  if (isOwned) out[entry.element] = asMember(node)
  else if (node) out[entry.element] = node
}

/** The set with every struct's field in it that holds something of the set: what must go for an emptied struct to go. */
export function withParents(open: Shape, set: FieldSet): FieldSet {
  if (open.kind === 'leaf' || open.kind === 'set') return set
  const out: OpenFieldSet = {}
  for (const element in set) {
    const node = set[element]!
    if (element === '.') out[element] = node
    else if (open.kind === 'keyed') out[element] = withParents(open.element, node)
    else {
      const entry = open.kind === 'deduced' ? { shape: open } : entryOf(open, element.slice(2))
      const inner = entry ? withParents(entry.shape, node) : node
      out[element] = open.kind === 'struct' ? asMember(inner) : inner
    }
  }
  return out
}
