import type { Node, Pod } from '../../../base/api/generated/types.ts'
import { nodes, pods } from '../../../base/api/kinds.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { startController } from '../../../base/reconcile/controller.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { isPodFinished, isPodTerminating } from '../lib/pods.ts'

const name = 'pod-garbage-collector'
const periodMs = 20_000
// As upstream: a node may only be late to show in the cache.
const quarantineMs = 40_000

/** Removes Pods that nobody else will: of nodes that are gone, terminating ones that never had a node, finished ones over the threshold. */
export const podGarbageCollector: Controller = {
  name,
  start(context) {
    const allPods = context.informers.of(pods)
    const allNodes = context.informers.of(nodes)
    const missingSince = new Map<string, number>()
    const sweep = {
      synced: Promise.all([allPods.synced, allNodes.synced]).then(() => undefined),
      connect: (wake: (key: string) => void) => (wake('all'), () => undefined),
    }
    return startController({
      ...machinery(context),
      name,
      workers: 1,
      sources: [sweep],
      async reconcile() {
        await collect({ ...context, allPods, allNodes, missingSince })
        return { requeueAfterMs: periodMs }
      },
    })
  },
}

interface Context extends ControllerContext {
  readonly allPods: Informer<Pod>
  readonly allNodes: Informer<Node>
  readonly missingSince: Map<string, number>
}

const collect = async (context: Context): Promise<void> => {
  const { allPods, settings } = context
  const all = allPods.list()
  const finished = all
    .filter((pod) => isPodFinished(pod) && !isPodTerminating(pod))
    .sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))
  for (const pod of finished.slice(0, Math.max(0, finished.length - settings.terminatedPodThreshold))) await forceDelete(context, pod)
  const goneNodes = await findGoneNodes(context, all)
  for (const pod of all) if (pod.spec.nodeName && goneNodes.has(pod.spec.nodeName)) await deleteOrphan(context, pod)
  for (const pod of all) if (isPodTerminating(pod) && !pod.spec.nodeName) await forceDelete(context, pod)
}

const findGoneNodes = async ({ client, allNodes, missingSince, clock }: Context, all: readonly Pod[]): Promise<ReadonlySet<string>> => {
  const missing = new Set(all.flatMap(({ spec }) => (spec.nodeName && !allNodes.get(spec.nodeName) ? [spec.nodeName] : [])))
  for (const node of missingSince.keys()) if (!missing.has(node)) missingSince.delete(node)
  const gone = new Set<string>()
  for (const node of missing) {
    const since = missingSince.get(node) ?? clock.monotonic()
    missingSince.set(node, since)
    if (clock.monotonic() - since < quarantineMs) continue
    const live = await client.get(nodes, { name: node }).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error
    })
    if (!live) gone.add(node)
  }
  return gone
}

const deleteOrphan = async (context: Context, pod: Pod): Promise<void> => {
  if (!isPodFinished(pod)) {
    const disruption = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByPodGC',
      message: 'PodGC: node no longer exists',
      lastTransitionTime: stampOf(context.clock.now()),
    }
    const conditions = [...(pod.status?.conditions ?? []).filter((condition) => condition.type !== disruption.type), disruption]
    await context.client.patch(pods, pod.metadata, { status: { phase: 'Failed', conditions } }, { type: 'merge', subresource: 'status' }).catch(unlessGone)
  }
  await forceDelete(context, pod)
}

const forceDelete = async ({ client }: Context, { metadata }: Pod): Promise<void> => {
  await client.delete(pods, metadata, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } }).catch(unlessGone)
}

const unlessGone = (error: unknown): undefined => {
  if (!isStatusError(error, 'NotFound')) throw error
}
