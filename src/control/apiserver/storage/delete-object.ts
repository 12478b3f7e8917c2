import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import type { Resource } from '../../../base/api/resource.ts'
import type { DeleteOptions, ObjectRef } from '../../../base/client/client.ts'
import type { ServerContext } from '../context.ts'
import { conflict, modified, notFound } from '../errors.ts'
import type { UserInfo } from '../request.ts'
import { timestamp } from '../timestamp.ts'
import type { Item } from './item.ts'
import { encodeStored } from './item.ts'
import { withHooks } from './write-hook.ts'

export interface DeleteRequest {
  readonly resource: Resource
  readonly ref: ObjectRef
  readonly options: DeleteOptions
  readonly user: UserInfo
  readonly dryRun: boolean
  readonly subresource?: string
}

export interface Deleted {
  /** The object as it was last, or as it now stands with its deletionTimestamp. */
  readonly item: Item
  /** False while a grace period or finalizers hold the object. */
  readonly gone: boolean
}

type Pod = KubeObject & {
  readonly spec?: { readonly nodeName?: string; readonly terminationGracePeriodSeconds?: number }
  readonly status?: { readonly phase?: string }
}
type Spec = { spec?: { finalizers?: string[] } }
type Meta = Mutable<KubeObject>['metadata']

const attempts = 20
const foreground = 'foregroundDeletion'
const orphan = 'orphan'

const isPod = ({ kind }: Resource): boolean => kind.group === '' && kind.plural === 'pods'
const isNamespace = ({ kind }: Resource): boolean => kind.group === '' && kind.plural === 'namespaces'

/** Nothing holds an object that is being deleted any more. */
export function isReadyToDelete(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata
  const held = object.kind === 'Namespace' && object.apiVersion === 'v1' && ((object as Spec).spec?.finalizers?.length ?? 0) > 0
  return deletionTimestamp !== undefined && !finalizers?.length && !deletionGracePeriodSeconds && !held
}

/** Marks for deletion where grace or finalizers ask for it, else removes. */
export async function deleteObject(ctx: ServerContext, request: DeleteRequest): Promise<Deleted> {
  const { resource, ref } = request
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const item = ctx.storage.get(resource, ref)
    if (!item) throw notFound(resource.kind, ref.name)
    checkPreconditions(item, request)
    const { name, namespace = '' } = item.object.metadata
    const attributes = {
      operation: 'DELETE',
      resource,
      subresource: request.subresource ?? '',
      namespace,
      name,
      old: item.object,
      user: request.user,
      dryRun: request.dryRun,
    } as const
    await ctx.admission.admit(attributes)
    await ctx.admission.validate(attributes)
    const deleted = await tryDelete(ctx, request, item)
    if (deleted) return deleted
  }
  throw modified(resource.kind, ref.name)
}

function checkPreconditions(item: Item, { resource, options }: DeleteRequest): void {
  const { uid, resourceVersion } = options.preconditions ?? {}
  const { metadata } = item.object
  // Upstream names the kind here, and not its plural.
  const address = { group: resource.kind.group, plural: resource.kind.kind }
  if (uid && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`
    throw conflict(address, metadata.name, why)
  }
  if (resourceVersion && resourceVersion !== String(item.revision)) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${item.revision}). The object might have been modified`
    throw conflict(address, metadata.name, why)
  }
}

async function tryDelete(ctx: ServerContext, request: DeleteRequest, item: Item): Promise<Deleted | undefined> {
  const object = mutableCopy(item.object)
  const changed = markForDeletion(ctx, request, object)
  if (isReadyToDelete(object as KubeObject)) {
    if (request.dryRun) return { item, gone: true }
    const gone = await finishDeletion(ctx, item)
    return gone && { item: gone, gone: true }
  }
  if (!changed || request.dryRun) return { item, gone: false }
  const stored = await ctx.storage.put(request.resource, object as KubeObject, item.revision, encodeStored(object as KubeObject))
  return stored && { item: stored, gone: false }
}

/** Removes what nothing holds any more; undefined after a lost race. */
export const finishDeletion = (ctx: ServerContext, item: Item): Promise<Item | undefined> =>
  withHooks(ctx.hooks, { resource: item.resource, old: item.object, dryRun: false }, () => ctx.storage.delete(item))

/** True when the object must be stored again, if it is not ready to be removed. */
function markForDeletion(ctx: ServerContext, { resource, options }: DeleteRequest, object: Mutable<KubeObject>): boolean {
  const { metadata } = object
  const finalizersChanged = setFinalizers(resource, options, metadata)
  if (metadata.deletionTimestamp === undefined) {
    const seconds = isPod(resource) ? podGrace(object as Pod, options) : 0
    metadata.deletionTimestamp = timestamp(ctx.clock, seconds * 1000)
    if (!isNamespace(resource)) metadata.deletionGracePeriodSeconds = seconds
    if (metadata.generation) metadata.generation++
    if (isNamespace(resource)) terminate(object)
    return true
  }
  return shortenGrace(ctx, options, metadata) || finalizersChanged
}

/** A second deletion may only shorten the grace period. */
function shortenGrace(ctx: ServerContext, options: DeleteOptions, metadata: Meta): boolean {
  const [asked, left] = [options.gracePeriodSeconds, metadata.deletionGracePeriodSeconds ?? 0]
  if (asked === undefined || asked < 0 || asked >= left) return false
  const startedMs = Date.parse(metadata.deletionTimestamp!) - left * 1000
  metadata.deletionTimestamp = timestamp(ctx.clock, startedMs + asked * 1000 - ctx.clock.now())
  metadata.deletionGracePeriodSeconds = asked
  return true
}

/** What has no node or has ended needs no time to stop. */
function podGrace(pod: Pod, options: DeleteOptions): number {
  if (!pod.spec?.nodeName || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return 0
  const seconds = options.gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30
  return seconds < 0 ? 1 : seconds
}

const terminate = (object: Mutable<KubeObject>): void => {
  const namespace = object as { status?: { phase?: string } }
  namespace.status = { ...namespace.status, phase: 'Terminating' }
}

/** Batch Jobs and ReplicationControllers orphan by default, as upstream keeps for old clients. */
const orphansByDefault = ({ kind }: Resource): boolean => (kind.group === 'batch' && kind.plural === 'jobs') || kind.plural === 'replicationcontrollers'

function setFinalizers(resource: Resource, { propagationPolicy }: DeleteOptions, metadata: Meta): boolean {
  const before = metadata.finalizers ?? []
  const kept = before.filter((finalizer) => finalizer !== foreground && finalizer !== orphan)
  const wanted = wantedFinalizer(resource, propagationPolicy, before)
  const after = wanted ? [...kept, wanted] : kept
  if (after.length === before.length && after.every((finalizer) => before.includes(finalizer))) return false
  if (after.length) metadata.finalizers = after
  else delete metadata.finalizers
  return true
}

function wantedFinalizer(resource: Resource, policy: DeleteOptions['propagationPolicy'], before: readonly string[]): string | undefined {
  if (policy) return { Orphan: orphan, Foreground: foreground, Background: undefined }[policy]
  if (before.includes(orphan)) return orphan
  if (before.includes(foreground)) return foreground
  return orphansByDefault(resource) ? orphan : undefined
}
