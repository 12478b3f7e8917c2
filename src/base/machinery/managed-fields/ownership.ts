// Who owns which fields after a write. Pure: objects and entries in, entries out.
import type { KubeObject } from '../../api/object.ts'
import { compare, isSame, type Comparison } from './compare.ts'
import { conflictError, type Conflict } from './conflicts.ts'
import { inOrder, isSameManager, setOfEntry, withSet, type Entry } from './entries.ts'
import { difference, emptySet, includes, intersection, intersects, isEmptySet, pathsOf, union, without, type FieldSet } from './field-set.ts'
import { merge, remove } from './merge.ts'
import { setOf, withParents } from './set-of.ts'
import type { Shape } from './shape.ts'

/** One who writes, as upstream names them in `managedFields`. */
export interface Writer {
  readonly manager: string
  readonly apiVersion: string
  readonly subresource: string
  /** RFC 3339, whole seconds. */
  readonly time: string
  /** Fields (as paths of names) that such a write cannot change, and so cannot own. */
  readonly ignored: readonly (readonly string[])[]
}

/** Nobody owns what the server alone fills, nor what names the object. */
const unowned = ['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields', 'resourceVersion'].map((field) => [
  'metadata',
  field,
])
/** Nobody gives up the name. */
const identity: FieldSet = { 'f:metadata': { 'f:name': {} } }
const maxUpdateManagers = 10

function ownable(set: FieldSet, { ignored }: Writer): FieldSet {
  const owned = without(set, [['apiVersion'], ['kind'], ...unowned, ...ignored])
  return isEmptySet(owned['f:metadata']) ? without(owned, [['metadata']]) : owned
}

function compareObjects({ shape, writer }: { shape: Shape; writer: Writer }, before: object, after: object): Comparison {
  const { changed, removed } = compare(shape, withoutEntries(before), withoutEntries(after))
  return { changed: ownable(changed, writer), removed: ownable(removed, writer) }
}

/** Managed fields are not among the fields that are managed. */
function withoutEntries(object: object): object {
  const { metadata, ...rest } = object as Partial<KubeObject>
  if (!metadata?.managedFields) return object
  const { managedFields: _, ...others } = metadata
  return { ...rest, metadata: others }
}

const entryOf = ({ manager, apiVersion, subresource, time }: Writer, operation: 'Apply' | 'Update'): Entry => ({
  manager,
  operation,
  apiVersion,
  time,
  ...(subresource ? { subresource } : {}),
})

interface Change {
  readonly shape: Shape
  readonly before: object
  readonly after: object
  readonly entries: readonly Entry[]
  readonly writer: Writer
}

/** A create, update or patch: what it changed is the writer's, and no one else's any more. */
export function afterUpdate({ shape, before, after, entries, writer }: Change): readonly Entry[] {
  const { changed, removed } = compareObjects({ shape, writer }, before, after)
  if (isEmptySet(changed) && isEmptySet(removed)) return entries
  const mine = entryOf(writer, 'Update')
  const lost = union(changed, removed)
  const kept = entries.map((entry) => {
    if (isSameManager(entry, mine) && isEmptySet(removed)) return entry
    const set = setOfEntry(entry)
    return intersects(set, lost) ? withSet(entry, difference(set, lost)) : entry
  })
  if (isEmptySet(changed)) return inOrder(kept)
  const previous = kept.find((entry) => isSameManager(entry, mine))
  const others = kept.filter((entry) => entry !== previous)
  const owned = setOfEntry(previous)
  const next = previous && includes(owned, changed) ? { ...previous, time: writer.time } : withSet(mine, union(owned, changed))
  return capped(inOrder([...others, next]), writer)
}

/** Beyond ten of them, the oldest that updated become one for each version: `ancient-changes`. */
function capped(entries: readonly Entry[], { time }: Writer): Entry[] {
  const updates = entries.filter(({ operation }) => operation === 'Update')
  if (updates.length <= maxUpdateManagers) return [...entries]
  let out = [...entries]
  for (const oldest of updates) {
    if (out.filter(({ operation }) => operation === 'Update').length <= maxUpdateManagers) break
    const ancient = { manager: 'ancient-changes', operation: 'Update' as const, apiVersion: oldest.apiVersion ?? '', time: oldest.time ?? time }
    const bucket = out.find((entry) => isSameManager(entry, ancient))
    if (bucket === oldest) continue
    out = [...out.filter((entry) => entry !== oldest && entry !== bucket), withSet(ancient, union(setOfEntry(bucket), setOfEntry(oldest)))]
  }
  return inOrder(out)
}

export interface Application {
  readonly shape: Shape
  /** The stored object, or for a creation what an empty one is. */
  readonly live: object
  /** As the applier sent it. */
  readonly config: object
  readonly entries: readonly Entry[]
  readonly writer: Writer
  readonly force: boolean
  /** Conflicts over these fields are settled for the applier. */
  readonly granted?: (conflicting: FieldSet) => FieldSet
}

export interface Applied {
  readonly object: object
  readonly entries: Entry[]
}

/**
 * Server-side apply: merges the configuration into the live object and takes out what the applier gave up and nobody else owns.
 * Throws a Conflict (409) naming every field that someone else owns with another value, unless forced.
 */
export function applyConfiguration(application: Application): Applied {
  const { shape, live, config, entries, writer } = application
  const mine = entryOf(writer, 'Apply')
  const last = entries.find((entry) => isSameManager(entry, mine))
  const others = entries.filter((entry) => entry !== last)
  const named = setOf(shape, withoutEntries(config))
  const set = ownable(named, writer)
  const merged = merge(shape, live, config) as object
  const object = prune({ shape, merged, last: setOfEntry(last), owned: others.map(setOfEntry).reduce(union, union(named, identity)) })
  const comparison = compareObjects(application, live, object)
  const kept = settleConflicts(application, others, comparison)
  // As upstream, one who applies what is there already leaves the time as it was, even if there was none.
  const { time: _, ...timeless } = mine
  const stamp: Entry = isSame(comparison) ? { ...timeless, ...(last?.time ? { time: last.time } : {}) } : mine
  return { object, entries: inOrder([...kept, withSet(stamp, set)]) }
}

function settleConflicts({ force, granted }: Application, others: readonly Entry[], { changed, removed }: Comparison): Entry[] {
  const disputed = others.map((entry) => ({ entry, fields: intersection(setOfEntry(entry), changed) }))
  if (!force) {
    const allowed = granted?.(disputed.map(({ fields }) => fields).reduce(union, emptySet)) ?? emptySet
    const conflicts: Conflict[] = disputed.flatMap(({ entry, fields }) => pathsOf(difference(fields, allowed)).map((path) => ({ entry, path })))
    if (conflicts.length) throw conflictError(conflicts)
  }
  return others.map((entry) => withSet(entry, difference(setOfEntry(entry), union(changed, removed))))
}

interface Pruning {
  readonly shape: Shape
  readonly merged: object
  /** What the applier owned until now. */
  readonly last: FieldSet
  /** What anyone owns from now on, the applier with the new configuration among them. */
  readonly owned: FieldSet
}

/** Takes out what the applier owned, leaves out of its configuration now, and nobody else owns. */
function prune({ shape, merged, last, owned }: Pruning): object {
  if (isEmptySet(last)) return merged
  const parents = (set: FieldSet): FieldSet => withParents(shape, set)
  const removed = remove(shape, merged, parents(last)) ?? {}
  const all = parents(setOf(shape, merged))
  const stays = parents(setOf(shape, removed))
  const kept = remove(shape, merged, difference(all, union(stays, parents(owned)))) ?? {}
  const gone = difference(all, parents(setOf(shape, kept)))
  return (remove(shape, merged, intersection(gone, parents(last))) ?? {}) as object
}
