import type { Node, Pod } from '../../../base/api/generated/types.ts'
import { nodes, pods } from '../../../base/api/kinds.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { isPodTerminating } from '../lib/pods.ts'
import { toleratedMs } from './tolerance.ts'

const name = 'taint-eviction-controller'

/** Deletes Pods from nodes with NoExecute taints that they do not tolerate, or no longer. */
export const taintEvictionController: Controller = {
  name,
  serviceAccount: 'node-controller',
  start(context) {
    const allNodes = context.informers.of(nodes)
    const allPods = context.informers.of(pods)
    allPods.addIndex('node', (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []))
    const watched: Context = { ...context, allNodes, allPods, since: new Map() }
    return startController({
      ...machinery(context),
      name,
      sources: [
        source(allPods, ({ old, object }) => (old && object && isSamePlacement(old, object) ? [] : [keyOf((object ?? old) as Pod)])),
        source(allNodes, ({ old, object }) =>
          noExecuteOf(old) === noExecuteOf(object) ? [] : allPods.byIndex('node', (object ?? old)?.metadata.name ?? '').map(keyOf),
        ),
      ],
      reconcile: (key) => reconcile(watched, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly allNodes: Informer<Node>
  readonly allPods: Informer<Pod>
  /** Since when (on our monotonic clock) a Pod's node has had such taints, by the Pod's key. */
  readonly since: Map<string, { readonly uid: string; readonly ms: number }>
}

const isSamePlacement = (a: Pod, b: Pod): boolean =>
  a.spec.nodeName === b.spec.nodeName &&
  JSON.stringify(a.spec.tolerations) === JSON.stringify(b.spec.tolerations) &&
  isPodTerminating(a) === isPodTerminating(b)

const taintsOf = (node: Node | undefined) => (node?.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute')

const noExecuteOf = (node: Node | undefined): string =>
  JSON.stringify(
    taintsOf(node)
      .map(({ key, value }) => [key, value])
      .sort(),
  )

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const { allNodes, allPods, since, clock, recorder } = context
  const pod = allPods.get(key)
  if (!pod || !pod.spec.nodeName || isPodTerminating(pod)) return void since.delete(key)
  const taints = taintsOf(allNodes.get(pod.spec.nodeName))
  const earlier = since.get(key)
  const scheduled = earlier?.uid === pod.metadata.uid ? earlier : undefined
  if (taints.length === 0) {
    if (scheduled) recorder.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`)
    return void since.delete(key)
  }
  const limitMs = toleratedMs(pod, taints)
  if (limitMs === Number.POSITIVE_INFINITY) return void since.delete(key)
  const startMs = scheduled?.ms ?? clock.monotonic()
  const leftMs = startMs + limitMs - clock.monotonic()
  since.set(key, { uid: pod.metadata.uid, ms: startMs })
  if (leftMs > 0) return { requeueAfterMs: leftMs }
  await evict(context, pod)
}

const evict = async ({ client, recorder, clock }: Context, pod: Pod): Promise<void> => {
  recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyOf(pod)}`)
  const disruption = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: stampOf(clock.now()),
  }
  const conditions = [...(pod.status?.conditions ?? []).filter((condition) => condition.type !== disruption.type), disruption]
  try {
    await client.patch(pods, pod.metadata, { status: { conditions } }, { type: 'merge', subresource: 'status' })
    await client.delete(pods, pod.metadata, { preconditions: { uid: pod.metadata.uid } })
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error
  }
}
