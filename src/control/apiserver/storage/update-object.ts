import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'
import { equalJson } from '../../../base/machinery/equal-json.ts'
import type { ObjectRef } from '../../../base/client/client.ts'
import type { ServerContext } from '../context.ts'
import { badRequest, conflict, invalid, modified, notFound } from '../errors.ts'
import type { Written } from '../outcome.ts'
import type { UserInfo } from '../request.ts'
import { finishDeletion, isReadyToDelete } from './delete-object.ts'
import { ownUpdated, type FieldManager } from './field-ownership.ts'
import type { Item } from './item.ts'
import { encodeStored } from './item.ts'
import { typeMetaOf } from './object-storage.ts'
import { withHooks } from './write-hook.ts'

export interface UpdateRequest {
  readonly resource: Resource
  readonly ref: ObjectRef
  readonly subresource: string
  readonly manager: FieldManager
  readonly user: UserInfo
  readonly dryRun: boolean
  /** What the object shall become, made from what is stored. Called again after a lost race. */
  readonly propose: (old: KubeObject) => Mutable<KubeObject> | Promise<Mutable<KubeObject>>
}

const attempts = 20

/** The compare-and-swap loop under PUT, PATCH and every subresource that writes. */
export async function updateObject(ctx: ServerContext, request: UpdateRequest): Promise<Written> {
  const { resource, ref } = request
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const item = ctx.storage.get(resource, ref)
    if (!item) throw notFound(resource.kind, ref.name)
    const object = await request.propose(item.object)
    checkIdentity(resource, item, object)
    keepSystemMetadata(item.object, object)
    const written = await writeUpdate(ctx, request, item, object)
    if (written) return written
  }
  throw modified(resource.kind, ref.name)
}

/** Kinds whose updates must say what they change, as upstream's AllowUnconditionalUpdate has it. */
const conditionalKinds = new Set(['serviceaccounts', 'leases', 'poddisruptionbudgets'])

function checkIdentity({ kind }: Resource, item: Item, { metadata }: Mutable<KubeObject>): void {
  const old = item.object.metadata
  if (!metadata.name) throw badRequest('name must be provided')
  if (metadata.name !== old.name) throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${old.name})`)
  if (kind.namespaced && metadata.namespace && metadata.namespace !== old.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  if (metadata.uid && metadata.uid !== old.uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.uid}`
    throw conflict(kind, old.name, `StorageError: invalid object, Code: 4, Key: ${item.key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`)
  }
  const isUnconditional = !metadata.resourceVersion || metadata.resourceVersion === '0'
  if (isUnconditional && conditionalKinds.has(kind.plural)) {
    const fault = { type: 'FieldValueInvalid', field: 'metadata.resourceVersion', message: 'Invalid value: 0x0: must be specified for an update' } as const
    throw invalid(kind, old.name, [fault])
  }
  if (!isUnconditional && metadata.resourceVersion !== String(item.revision)) throw modified(kind, old.name)
}

const systemFields = ['namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation'] as const

/** Fields of the server, which no client may change. */
function keepSystemMetadata(old: KubeObject, object: Mutable<KubeObject>): void {
  const [to, from] = [object.metadata as Record<string, unknown>, old.metadata as unknown as Record<string, unknown>]
  for (const field of systemFields) {
    if (from[field] === undefined) delete to[field]
    else to[field] = from[field]
  }
  delete to['selfLink']
}

/** Writes that follow the kind's own strategy; the other subresources carry over one checked field. */
const wholeObject = new Set(['', 'scale'])

async function writeUpdate(ctx: ServerContext, request: UpdateRequest, item: Item, object: Mutable<KubeObject>): Promise<Written | undefined> {
  const { resource, subresource, dryRun, user } = request
  const old = item.object
  resource.defaults?.(object)
  ownUpdated(ctx, request, { old, object })
  const { name, namespace = '' } = old.metadata
  const attributes = { operation: 'UPDATE', resource, subresource, namespace, name, object, old, user, dryRun } as const
  await ctx.admission.admit(attributes)
  if (wholeObject.has(subresource)) resource.prepareUpdate(object, old)
  const faults = wholeObject.has(subresource) || subresource === 'status' ? resource.validate(object as KubeObject, old) : []
  if (faults.length) throw invalid(resource.kind, name, faults)
  await ctx.admission.validate(attributes)
  return withHooks<Written>(ctx.hooks, { resource, object, old, dryRun }, () => storeUpdate(ctx, request, item, object))
}

async function storeUpdate(ctx: ServerContext, { resource, dryRun }: UpdateRequest, item: Item, object: Mutable<KubeObject>): Promise<Written | undefined> {
  const next = object as KubeObject
  const typeMeta = typeMetaOf(resource.kind)
  const bytes = encodeStored(next)
  if (isUnchanged(item, { next, bytes })) return { item }
  if (dryRun) return { object: { ...mutableCopy(next), ...typeMeta, metadata: { ...next.metadata, resourceVersion: String(item.revision) } } as KubeObject }
  const stored = await ctx.storage.put(resource, next, item.revision, bytes)
  if (!stored) return undefined
  if (!isReadyToDelete(stored.object)) return { item: stored }
  return { item: (await finishDeletion(ctx, stored)) ?? stored }
}

/** As upstream, a write that changes nothing makes no revision. */
function isUnchanged(item: Item, { next, bytes }: { next: KubeObject; bytes: Uint8Array }): boolean {
  if (Buffer.compare(bytes, item.value) === 0) return true
  return bytes.length === item.value.length && equalJson(stamped(next, item), stamped(item.object, item))
}

/** What the storage sets, and the times of managed fields, make no difference. */
function stamped(object: KubeObject, { revision, resource }: Item): KubeObject {
  const { managedFields, ...metadata } = object.metadata
  const timeless = managedFields?.map(({ time: _, ...entry }) => entry)
  return {
    ...object,
    ...typeMetaOf(resource.kind),
    metadata: { ...metadata, resourceVersion: String(revision), managedFields: timeless } as KubeObject['metadata'],
  }
}
