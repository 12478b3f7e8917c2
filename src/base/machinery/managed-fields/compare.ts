import { equalJson } from '../equal-json.ts'
import { asMember, emptySet, isEmptySet, leaf, type FieldSet, type OpenFieldSet } from './field-set.ts'
import type { Shape } from './shape.ts'
import { entryOf, isEmptyValue, isMap, itemsOf, settle, type Json } from './walk.ts'

export interface Comparison {
  /** Fields that the later value has anew or otherwise. */
  readonly changed: FieldSet
  /** Fields that only the earlier value has. */
  readonly removed: FieldSet
}

/** Both sets of one node while they grow; made only where there is a difference. */
interface Nodes {
  changed: FieldSet | undefined
  removed: FieldSet | undefined
}

/** By which fields `after` differs from `before`: leaves, and the structs, maps and items around them that came or went. */
export function compare(shape: Shape, before: unknown, after: unknown): Comparison {
  const nodes = compareNode(shape, before, after)
  return { changed: nodes?.changed ?? emptySet, removed: nodes?.removed ?? emptySet }
}

function compareNode(open: Shape, before: unknown, after: unknown): Nodes | undefined {
  if (before === after) return undefined
  const shape = settle(open, before, after)
  if (shape.kind === 'leaf' || (isEmptyValue(before) && isEmptyValue(after))) return compareLeaf(before, after)
  const nodes: Nodes = { changed: undefined, removed: undefined }
  if (shape.kind === 'set' || shape.kind === 'keyed') compareLists(shape, { before, after }, nodes)
  else compareMaps(shape, { before: isMap(before) ? before : {}, after: isMap(after) ? after : {} }, nodes)
  if (before === undefined) nodes.changed = asMember(nodes.changed)
  if (after === undefined) nodes.removed = asMember(nodes.removed)
  return nodes.changed || nodes.removed ? nodes : undefined
}

function compareLeaf(before: unknown, after: unknown): Nodes | undefined {
  if (after === undefined) return { changed: undefined, removed: leaf }
  if (before !== undefined && (equalJson(before, after) || (isEmptyValue(before) && isEmptyValue(after)))) return undefined
  return { changed: leaf, removed: undefined }
}

function compareMaps(shape: Extract<Shape, { kind: 'struct' | 'map' }>, { before, after }: { before: Json; after: Json }, nodes: Nodes): void {
  const visit = (name: string): void => {
    const entry = entryOf(shape, name)
    const found = entry && compareNode(entry.shape, before[name], after[name])
    if (entry && found) add(nodes, entry.element, found)
  }
  for (const name in after) visit(name)
  for (const name in before) if (!(name in after)) visit(name)
}

function compareLists(shape: Extract<Shape, { kind: 'set' | 'keyed' }>, { before, after }: { before: unknown; after: unknown }, nodes: Nodes): void {
  const [was, is] = [itemsOf(shape, before), itemsOf(shape, after)]
  for (const element of new Set([...is.keys(), ...was.keys()])) {
    const found = compareItems(shape, was.get(element), is.get(element))
    if (found) add(nodes, element, found)
  }
}

function compareItems(
  shape: Extract<Shape, { kind: 'set' | 'keyed' }>,
  before: readonly unknown[] | undefined,
  after: readonly unknown[] | undefined,
): Nodes | undefined {
  const isUnique = (before?.length ?? 1) === 1 && (after?.length ?? 1) === 1
  // Items that share a key are owned together.
  if (!isUnique || shape.kind === 'set') return compareLeaf(before, after)
  return compareNode(shape.element, before?.[0], after?.[0])
}

function add(nodes: Nodes, element: string, { changed, removed }: Nodes): void {
  if (changed) ((nodes.changed ??= {}) as OpenFieldSet)[element] = changed
  if (removed) ((nodes.removed ??= {}) as OpenFieldSet)[element] = removed
}

export const isSame = ({ changed, removed }: Comparison): boolean => isEmptySet(changed) && isEmptySet(removed)
