// Managed fields around the writes of the server: whose an object's fields are after a create, an update, an apply.
import { apiVersionOf, type Kind } from '../../../base/api/kind.ts'
import type { KubeObject, Mutable } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'
import { decodeObject } from '../../../base/machinery/decode.ts'
import { areReadable, isReset, type Entry } from '../../../base/machinery/managed-fields/entries.ts'
import { afterUpdate, applyConfiguration, type Writer } from '../../../base/machinery/managed-fields/ownership.ts'
import { shapeOf } from '../../../base/machinery/managed-fields/shape.ts'
import { grantedByLastApplied, syncLastApplied } from '../../../base/machinery/managed-fields/last-applied.ts'
import type { ServerContext } from '../context.ts'
import { badRequest } from '../errors.ts'
import { timestamp } from '../timestamp.ts'

/** Who writes, and how; chosen by the client. */
export interface FieldManager {
  readonly name: string
  readonly operation: 'Apply' | 'Update'
}

type Clocked = Pick<ServerContext, 'clock'>

interface Write {
  readonly resource: Resource
  readonly subresource: string
  readonly manager: FieldManager
}

/** As upstream's GetResetFields: what a write of this part of the object leaves as it was. */
function ignoredFields({ subresources, kind }: Resource, subresource: string): string[][] {
  if (!subresources.includes('status')) return []
  if (subresource === '') return [['status']]
  if (subresource !== 'status') return []
  return kind.plural === 'pods' || kind.plural === 'nodes' ? [['spec']] : [['spec'], ['metadata', 'labels']]
}

const writerOf = ({ clock }: Clocked, { resource, subresource, manager }: Write): Writer => ({
  manager: manager.name,
  apiVersion: apiVersionOf(resource.kind),
  subresource,
  time: timestamp(clock),
  ignored: ignoredFields(resource, subresource),
})

const entriesOf = (object: { readonly metadata: { readonly managedFields?: readonly Entry[] } }): readonly Entry[] => object.metadata.managedFields ?? []

/** An object of which nothing is set yet: what a creation is compared with. */
function emptyObject({ type }: Kind): KubeObject {
  const known = emptyObjects.get(type)
  if (known) return known
  const made = decodeObject(type, { metadata: {} }).object as KubeObject
  emptyObjects.set(type, made)
  return made
}

// Derived from the schemas alone.
const emptyObjects = new Map<string, KubeObject>()

function setEntries(object: Mutable<KubeObject>, entries: readonly Entry[]): void {
  if (entries.length) object.metadata.managedFields = entries as Mutable<Entry>[]
  else delete object.metadata.managedFields
}

/** Everything in a new object is its creator's. Runs on the defaulted object, before admission, whose changes are nobody's. */
export function ownCreated(ctx: Clocked, { resource, manager }: Omit<Write, 'subresource'>, object: Mutable<KubeObject>): void {
  if (manager.operation === 'Apply') return
  const given = entriesOf(object)
  const entries = areReadable(given) ? given : []
  const writer = writerOf(ctx, { resource, subresource: '', manager })
  const owned = afterUpdate({ shape: shapeOf(resource.kind.type), before: emptyObject(resource.kind), after: object, entries, writer })
  setEntries(object, owned)
}

/** What the write changed is its manager's. An object without managed fields stays without, until it is applied. */
export function ownUpdated(ctx: Clocked, write: Write, { old, object }: { old: KubeObject; object: Mutable<KubeObject> }): void {
  if (write.manager.operation === 'Apply') return
  const entries = givenEntries(write, { old, object })
  if (entries.length === 0) return setEntries(object, [])
  setEntries(object, afterUpdate({ shape: shapeOf(write.resource.kind.type), before: old, after: object, entries, writer: writerOf(ctx, write) }))
}

/** Clients may write the managed fields, or forget them; only a subresource never takes them. */
function givenEntries({ subresource }: Write, { old, object }: { old: KubeObject; object: Mutable<KubeObject> }): readonly Entry[] {
  if (subresource !== '') return entriesOf(old)
  const given = entriesOf(object)
  if (isReset(given)) return []
  return given.length && areReadable(given) ? given : entriesOf(old)
}

export interface ApplyRequest extends Write {
  /** As the client sent it: only what it wants to own. */
  readonly config: object
  readonly force: boolean
}

/** What `live` becomes by an apply, managed fields included: raw, not yet held against the schema. Without `live` it is a creation. */
export function applied(ctx: Clocked, request: ApplyRequest, live: KubeObject): Record<string, unknown> {
  const { resource, config, force } = request
  if ('managedFields' in ((config as Partial<KubeObject>).metadata ?? {})) throw badRequest('metadata.managedFields must be nil')
  const shape = shapeOf(resource.kind.type)
  const writer = writerOf(ctx, request)
  const entries = entriesOf(live).length ? entriesOf(live) : beforeFirstApply(writer, { resource, live })
  const granted = writer.manager === 'kubectl' ? grantedByLastApplied({ shape, live, apiVersion: writer.apiVersion }) : undefined
  const result = applyConfiguration({ shape, live, config, entries, writer, force, ...(granted ? { granted: () => granted } : {}) })
  const { metadata, ...rest } = result.object as KubeObject
  const object = { ...rest, metadata: { ...metadata, managedFields: result.entries } }
  return writer.manager === 'kubectl' ? syncLastApplied({ object, live, config }) : object
}

/** What stood in an object that nobody is known to own belongs to this name. */
function beforeFirstApply(writer: Writer, { resource, live }: { resource: Resource; live: KubeObject }): readonly Entry[] {
  const { kind } = resource
  const earlier: Writer = { ...writer, manager: 'before-first-apply', subresource: writer.subresource }
  return afterUpdate({ shape: shapeOf(kind.type), before: emptyObject(kind), after: live, entries: [], writer: earlier })
}

/** The object that an apply creates from. */
export const unborn = ({ kind }: Resource, { namespace, name }: { namespace?: string | undefined; name: string }): KubeObject => {
  const empty = emptyObject(kind)
  return {
    ...empty,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { ...empty.metadata, name, ...(kind.namespaced && namespace ? { namespace } : {}) },
  } as KubeObject
}
