// Sets of field paths in the very form that `metadata.managedFields[].fieldsV1` has, so that nothing is encoded or decoded.
//
//   {"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{}}}
//
// holds three paths: .metadata.labels, .metadata.labels.app and .spec.replicas. A node is in the set when it is empty or has the mark ".";
// the root is never a path, and an empty root is the empty set.

export interface FieldSet {
  readonly [element: string]: FieldSet
}

/** A set under construction: its maker's own. */
export type OpenFieldSet = { [element: string]: FieldSet }

export const emptySet: FieldSet = Object.freeze({})
/** A node that is in the set and has nothing below it. */
export const leaf: FieldSet = emptySet
const mark = '.'

export function isEmptySet(set: FieldSet | undefined): boolean {
  for (const _ in set) return false
  return true
}

/** Whether a node below the root is in the set itself, not only something below it. */
export const isMember = (node: FieldSet | undefined): boolean => node !== undefined && (mark in node || isEmptySet(node))

/** The node with exactly these children; undefined when it would say nothing. */
function nodeOf(member: boolean, children: OpenFieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return member ? leaf : undefined
  return member ? { [mark]: leaf, ...children } : children
}

/** The same node, in the set. */
export const asMember = (node: FieldSet | undefined): FieldSet => (node === undefined ? leaf : isMember(node) ? node : { [mark]: leaf, ...node })

type Combine = (a: boolean, b: boolean) => boolean

function combine(a: FieldSet | undefined, b: FieldSet | undefined, rule: Combine): FieldSet | undefined {
  const children: OpenFieldSet = {}
  const visit = (element: string): void => {
    if (element === mark || element in children) return
    const combined = combine(a?.[element], b?.[element], rule)
    if (combined) children[element] = combined
  }
  for (const element in a) visit(element)
  for (const element in b) visit(element)
  return nodeOf(rule(isMember(a), isMember(b)), children)
}

/** The root is no path: whether it counts as a member does not matter. */
const root = (a: FieldSet, b: FieldSet, rule: Combine): FieldSet => {
  const { [mark]: _, ...children } = combine(a, b, rule) ?? emptySet
  return children
}

export const union = (a: FieldSet, b: FieldSet): FieldSet => (isEmptySet(a) ? b : isEmptySet(b) ? a : root(a, b, (inA, inB) => inA || inB))
/** Path by path: taking a parent away leaves what is below it. */
export const difference = (a: FieldSet, b: FieldSet): FieldSet => (isEmptySet(a) || isEmptySet(b) ? a : root(a, b, (inA, inB) => inA && !inB))
export const intersection = (a: FieldSet, b: FieldSet): FieldSet => (isEmptySet(a) || isEmptySet(b) ? emptySet : root(a, b, (inA, inB) => inA && inB))

/** Whether any path is in both. */
export function intersects(a: FieldSet, b: FieldSet): boolean {
  for (const element in b) {
    const [inA, inB] = [a[element], b[element]!]
    if (inA && element !== mark && ((isMember(inA) && isMember(inB)) || intersects(inA, inB))) return true
  }
  return false
}

/** Whether every path of `b` is in `a`. */
export function includes(a: FieldSet, b: FieldSet): boolean {
  for (const element in b) {
    if (element === mark) continue
    const [inA, inB] = [a[element], b[element]!]
    if (!inA || (isMember(inB) && !isMember(inA)) || !includes(inA, inB)) return false
  }
  return true
}

/** The set without the subtrees at these paths of field names. */
export function without(set: FieldSet, paths: readonly (readonly string[])[]): FieldSet {
  return paths.reduce((left, path) => cut(left, path) ?? emptySet, set)
}

function cut(node: FieldSet, [first, ...rest]: readonly string[]): FieldSet | undefined {
  const element = `f:${first}`
  const child = node[element]
  if (first === undefined || child === undefined) return node
  const { [element]: _, ...others } = node
  const kept = rest.length ? cut(child, rest) : undefined
  if (kept) return { ...node, [element]: kept }
  return isEmptySet(others) ? undefined : others
}

export const equalSets = (a: FieldSet, b: FieldSet): boolean => isEmptySet(difference(a, b)) && isEmptySet(difference(b, a))

/** Every path in canonical order, as the elements from the root. */
export function pathsOf(set: FieldSet): string[][] {
  const paths: string[][] = []
  const walk = (node: FieldSet, path: readonly string[]): void => {
    for (const element of Object.keys(node)
      .filter((one) => one !== mark)
      .sort(compareElements)) {
      const child = node[element]!
      const here = [...path, element]
      if (isMember(child)) paths.push(here)
      walk(child, here)
    }
  }
  walk(set, [])
  return paths
}

/** The set in the order in which upstream writes it, byte for byte. */
export function canonical(set: FieldSet): FieldSet {
  const elements = Object.keys(set)
  if (elements.length === 0) return set
  if (elements.length > 1 && !isSorted(elements)) elements.sort(compareElements)
  const out: OpenFieldSet = {}
  for (const element of elements) out[element] = element === mark ? leaf : canonical(set[element]!)
  return out
}

const isSorted = (elements: readonly string[]): boolean => elements.every((element, i) => i === 0 || compareElements(elements[i - 1]!, element) <= 0)

/** The mark comes first, then fields by name, keys by their values, values, indexes. */
function compareElements(a: string, b: string): number {
  if (a[0] === 'f' && b[0] === 'f') return a < b ? -1 : a > b ? 1 : 0
  if (a === mark || b === mark) return a === b ? 0 : a === mark ? -1 : 1
  if (a.startsWith('k:') && b.startsWith('k:')) return compareKeys(JSON.parse(a.slice(2)) as Keys, JSON.parse(b.slice(2)) as Keys)
  if (a.startsWith('v:') && b.startsWith('v:')) return compareValues(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)))
  if (a[0] !== b[0]) return 'fkvi'.indexOf(a[0]!) - 'fkvi'.indexOf(b[0]!)
  if (a.startsWith('i:')) return Number(a.slice(2)) - Number(b.slice(2))
  return 0
}

type Keys = Readonly<Record<string, unknown>>

function compareKeys(a: Keys, b: Keys): number {
  const [fieldsA, fieldsB] = [Object.entries(a), Object.entries(b)]
  for (const [i, [name, value]] of fieldsA.entries()) {
    const other = fieldsB[i]
    if (!other) return 1
    const order = compareValues(name, other[0]) || compareValues(value, other[1])
    if (order) return order
  }
  return fieldsA.length - fieldsB.length
}

function compareValues(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [textA, textB] = [String(a), String(b)]
  return textA < textB ? -1 : textA > textB ? 1 : 0
}

/** A path as refusals show it: `.spec.template.spec.containers[name="web"].image`. */
export const pathText = (path: readonly string[]): string =>
  path
    .map((element) => {
      const rest = element.slice(2)
      if (element.startsWith('f:')) return `.${rest}`
      if (element.startsWith('v:')) return `[=${rest}]`
      if (element.startsWith('i:')) return `[${rest}]`
      const keys = Object.entries(JSON.parse(rest) as Keys)
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`
    })
    .join('')
