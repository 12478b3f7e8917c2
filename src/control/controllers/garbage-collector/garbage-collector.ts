import type { OwnerReference } from '../../../base/api/generated/types.ts'
import { events } from '../../../base/api/kinds.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { PropagationPolicy } from '../../../base/client/client.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { type GraphNode, hasFinalizer, isDeleting, isDeletingDependents, OwnerGraph, ownersOf } from './graph.ts'
import { Owners } from './owners.ts'

const name = 'generic-garbage-collector'

/** Deletes what has lost its owners, and carries out foreground and orphaning deletions. */
export const garbageCollector: Controller = {
  name,
  start(context) {
    const graph = new OwnerGraph()
    const { client, settings } = context
    const kinds = settings.kinds.filter((kind) => kind !== events)
    const collector = { ...context, graph, owners: new Owners({ client, graph, kinds }) }
    return startController({
      ...machinery(context),
      name,
      workers: 20,
      sources: kinds.map((kind) => source(context.informers.of(kind), (change) => graph.apply(kind, change))),
      reconcile: (uid) => reconcile(collector, uid),
    })
  },
}

interface Collector extends ControllerContext {
  readonly graph: OwnerGraph
  readonly owners: Owners
}

const reconcile = async (context: Collector, uid: string): Promise<void> => {
  const node = context.graph.get(uid)
  if (!node) return
  if (isDeleting(node.object) && hasFinalizer(node.object, 'orphan')) return orphanDependents(context, node)
  if (isDeletingDependents(node.object)) return deleteDependents(context, node)
  return collect(context, node)
}

/** Deletes `node` if none of its owners is there to stay; where some are, only the references to the others go. */
const collect = async (context: Collector, node: GraphNode): Promise<void> => {
  const { owners, graph, client } = context
  if (isDeleting(node.object) || ownersOf(node.object).length === 0) return
  const known = await owners.sort(node.object)
  if (known.waiting.length + known.gone.length === 0) return
  // The cache made it a candidate; only the live object may be judged.
  const live = await client.get(node.kind, node.object.metadata).catch(unlessGone)
  if (!live || live.metadata.uid !== node.object.metadata.uid || isDeleting(live)) return
  const { solid, waiting, gone } = await owners.sort(live)
  if (waiting.length + gone.length === 0) return
  if (solid.length > 0) return setOwners(context, { ...node, object: live }, solid)
  const hasDependents = graph.dependentsOf(live.metadata.uid).length > 0
  await remove(context, { ...node, object: live }, waiting.length > 0 && hasDependents ? 'Foreground' : standingPolicy(live))
}

const standingPolicy = (object: KubeObject): PropagationPolicy =>
  hasFinalizer(object, 'orphan') ? 'Orphan' : hasFinalizer(object, 'foregroundDeletion') ? 'Foreground' : 'Background'

const remove = async ({ client }: Collector, { kind, object }: GraphNode, propagationPolicy: PropagationPolicy): Promise<void> => {
  const { uid, resourceVersion } = object.metadata
  await client.delete(kind, object.metadata, { propagationPolicy, preconditions: { uid, resourceVersion } }).catch(unlessGone)
}

/** A step of foreground deletion: dependents that block go first, then the owner is let go. */
const deleteDependents = async (context: Collector, owner: GraphNode): Promise<void> => {
  const { uid } = owner.object.metadata
  const blocking = context.graph.dependentsOf(uid).filter(({ object }) => ownersOf(object).some((ref) => ref.uid === uid && ref.blockOwnerDeletion))
  if (blocking.length === 0) return removeFinalizer(context, owner, 'foregroundDeletion')
  await Promise.all(blocking.map((node) => collect(context, node)))
}

const orphanDependents = async (context: Collector, owner: GraphNode): Promise<void> => {
  const { uid } = owner.object.metadata
  await Promise.all(
    context.graph.dependentsOf(uid).map((node) =>
      setOwners(
        context,
        node,
        ownersOf(node.object).filter((ref) => ref.uid !== uid),
      ),
    ),
  )
  await removeFinalizer(context, owner, 'orphan')
}

const setOwners = async ({ client }: Collector, { kind, object }: GraphNode, ownerReferences: readonly OwnerReference[]): Promise<void> => {
  const { resourceVersion } = object.metadata
  await client
    .patch(kind, object.metadata, { metadata: { ownerReferences: ownerReferences.length > 0 ? ownerReferences : null, resourceVersion } }, { type: 'merge' })
    .catch(unlessGone)
}

const removeFinalizer = async ({ client }: Collector, { kind, object }: GraphNode, finalizer: string): Promise<void> => {
  const live = await client.get(kind, object.metadata).catch(unlessGone)
  if (!live || live.metadata.uid !== object.metadata.uid || !hasFinalizer(live, finalizer)) return
  const finalizers = (live.metadata.finalizers ?? []).filter((other) => other !== finalizer)
  const { resourceVersion } = live.metadata
  await client
    .patch(kind, live.metadata, { metadata: { finalizers: finalizers.length > 0 ? finalizers : null, resourceVersion } }, { type: 'merge' })
    .catch(unlessGone)
}

const unlessGone = (error: unknown): undefined => {
  if (!isStatusError(error, 'NotFound')) throw error
}
