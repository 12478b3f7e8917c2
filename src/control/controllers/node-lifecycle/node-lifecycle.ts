import type { Lease, Node, Pod } from '../../../base/api/generated/types.ts'
import { leases, nodes, pods } from '../../../base/api/kinds.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { isPodReady } from '../lib/pods.ts'
import { keysOfChange } from '../lib/keys.ts'
import { type Heard, hear, nodeCondition, silentConditions, wantedTaints } from './judge.ts'

const name = 'node-controller'

/** Declares silent nodes unknown, and turns conditions into taints. */
export const nodeLifecycleController: Controller = {
  name,
  start(context) {
    const all = context.informers.of(nodes)
    const allLeases = context.informers.of(leases)
    const allPods = context.informers.of(pods)
    allPods.addIndex('node', (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []))
    const watched: Context = { ...context, all, allLeases, allPods, heard: new Map(), loop: { lastPassMs: undefined } }
    return startController({
      ...machinery(context),
      name,
      sources: [source(all, keysOfChange), source(allLeases, () => []), source(allPods, () => [])],
      reconcile: (key) => reconcile(watched, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly all: Informer<Node>
  readonly allLeases: Informer<Lease>
  readonly allPods: Informer<Pod>
  readonly heard: Map<string, Heard>
  readonly loop: { lastPassMs: number | undefined }
}

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const { all, heard, settings } = context
  excuseOwnSleep(context)
  const node = all.get(key)
  if (!node) {
    heard.delete(key)
    return
  }
  if (!heard.has(key)) context.recorder.event(node, 'Normal', 'RegisteredNode', `Node ${key} event: Registered Node ${key} in Controller`)
  const shown = (await declareIfSilent(context, node)) ?? node
  await syncTaints(context, shown)
  return { requeueAfterMs: settings.nodeMonitorPeriodMs }
}

/** Who slept cannot say that others were silent meanwhile: after a stall of our own loop every node's grace starts anew. */
const excuseOwnSleep = ({ clock, heard, loop, settings, log }: Context): void => {
  const nowMs = clock.monotonic()
  const gapMs = nowMs - (loop.lastPassMs ?? nowMs)
  loop.lastPassMs = nowMs
  if (heard.size === 0 || gapMs <= settings.nodeMonitorPeriodMs * 3) return
  log.info({ gapMs }, 'the node monitor itself was away; grace periods start anew')
  for (const [node, { beat }] of heard) heard.set(node, { beat, atMs: nowMs })
}

/** Answers the node as written where its silence was too long. */
const declareIfSilent = async (context: Context, node: Node): Promise<Node | undefined> => {
  const { clock, heard, settings, client } = context
  const { name: key } = node.metadata
  const last = hear(heard.get(key), beatOf(context, node), clock.monotonic())
  heard.set(key, last)
  const ready = nodeCondition(node, 'Ready')?.status
  if (clock.monotonic() - last.atMs <= settings.nodeMonitorGraceMs || ready === 'Unknown') return undefined
  const conditions = silentConditions(node, clock.now())
  const written = await client.update(nodes, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' })
  if (ready === 'True') await showNotReady(context, written)
  return written
}

const beatOf = ({ allLeases }: Context, node: Node): string => {
  const ready = nodeCondition(node, 'Ready')
  return JSON.stringify([node.metadata.uid, allLeases.get(`kube-node-lease/${node.metadata.name}`)?.spec?.renewTime, ready?.lastHeartbeatTime, ready?.status])
}

const showNotReady = async (context: Context, node: Node): Promise<void> => {
  const { recorder, allPods, client, clock } = context
  recorder.event(node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`)
  for (const pod of allPods.byIndex('node', node.metadata.name).filter(isPodReady)) {
    const conditions = pod.status.conditions?.map((condition) =>
      condition.type === 'Ready' ? { ...condition, status: 'False', lastTransitionTime: stampOf(clock.now()) } : condition,
    )
    recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
    await client.patch(pods, pod.metadata, { status: { conditions } }, { type: 'merge', subresource: 'status' }).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error
    })
  }
}

const syncTaints = async ({ client, clock }: Context, node: Node): Promise<void> => {
  const taints = wantedTaints(node, clock.now())
  const { name: key, resourceVersion } = node.metadata
  if (taints)
    await client.patch(nodes, { name: key }, { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } }, { type: 'merge' })
}
