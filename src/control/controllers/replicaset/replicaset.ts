import type { Pod, ReplicaSet, ReplicaSetStatus } from '../../../base/api/generated/types.ts'
import { pods, replicaSets } from '../../../base/api/kinds.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerOf } from '../../../base/client/owner-ref.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { claim } from '../lib/claim.ts'
import { Expectations } from '../lib/expectations.ts'
import { isPodActive, isPodFinished, isPodTerminating } from '../lib/pods.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { scalePods } from './scale.ts'
import { replicaSetStatus } from './status.ts'

const name = 'replicaset-controller'

/** Keeps as many Pods as a ReplicaSet wants. */
export const replicaSetController: Controller = {
  name,
  start(context) {
    const sets = context.informers.of(replicaSets)
    const allPods = context.informers.of(pods)
    const expectations = new Expectations(context.clock)
    allPods.addIndex('controller', (pod) => [controllerOf(pod)?.uid ?? `none/${pod.metadata.namespace}`])
    return startController({
      ...machinery(context),
      name,
      sources: [
        source(sets, ({ object, old }) => keysOfSet(expectations, object ?? old, old, object)),
        source(allPods, (change) => keysOfPod(expectations, sets, change)),
      ],
      reconcile: (key) => reconcile({ ...context, sets, allPods, expectations }, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly sets: Informer<ReplicaSet>
  readonly allPods: Informer<Pod>
  readonly expectations: Expectations
}

const keysOfSet = (expectations: Expectations, any: ReplicaSet | undefined, old: ReplicaSet | undefined, object: ReplicaSet | undefined): readonly string[] => {
  if (!any) return []
  if (!object || !old) expectations.forget(keyOf(any))
  return [keyOf(any)]
}

/** The owner's key; for a Pod without a controller the keys of all that would adopt it. Marks expectations as they come true. */
const keysOfPod = (expectations: Expectations, sets: Informer<ReplicaSet>, { old, object }: { old?: Pod; object?: Pod }): readonly string[] => {
  const pod = object ?? old
  if (!pod) return []
  const owners = new Set([ownerKey(old), ownerKey(object)].filter((key) => key !== undefined))
  for (const owner of owners) {
    if (object && !old) expectations.created(owner)
    if (!object || isPodTerminating(object)) expectations.deleted(owner, pod.metadata.uid)
  }
  if (object && !controllerOf(object) && !isPodTerminating(object)) {
    for (const rs of sets.list(object.metadata.namespace)) if (matchesLabelSelector(rs.spec.selector, object.metadata.labels)) owners.add(keyOf(rs))
  }
  return [...owners]
}

const ownerKey = (pod: Pod | undefined): string | undefined => {
  const owner = pod && controllerOf(pod)
  return owner?.kind === 'ReplicaSet' ? `${pod?.metadata.namespace}/${owner.name}` : undefined
}

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const { sets, allPods, expectations, client, clock } = context
  const rs = sets.get(key)
  if (!rs) return expectations.forget(key)
  const maySync = expectations.areMet(key)
  const candidates = [...allPods.byIndex('controller', rs.metadata.uid), ...allPods.byIndex('controller', `none/${rs.metadata.namespace}`)]
  const own = await claim({
    client,
    ownerKind: replicaSets,
    owner: rs,
    selector: rs.spec.selector,
    kind: pods,
    candidates: candidates.filter((pod) => !isPodFinished(pod)),
    isAdoptable: isPodActive,
  })
  const active = own.filter(isPodActive)
  const scaled = maySync && rs.metadata.deletionTimestamp === undefined ? await scalePods(context, expectations, rs, active) : undefined
  const status = replicaSetStatus(rs, { active, terminating: own.filter(isPodTerminating), failure: scaled ? scaled.failure : 'unknown' }, clock.now())
  await writeStatus(context, rs, status)
  if (scaled?.error) throw scaled.error
  const waiting = (rs.spec.minReadySeconds ?? 0) > 0 && (status.readyReplicas ?? 0) !== (status.availableReplicas ?? 0)
  return waiting ? { requeueAfterMs: nextAvailableMs(rs, active, clock.now()) } : undefined
}

const writeStatus = async ({ client }: Context, rs: ReplicaSet, status: ReplicaSetStatus): Promise<void> => {
  if (semanticEqual(rs.status, status)) return
  await client.update(replicaSets, { ...rs, status }, { subresource: 'status' })
}

/** When the next ready Pod will have been ready long enough. */
const nextAvailableMs = (rs: ReplicaSet, active: readonly Pod[], nowMs: number): number => {
  const waits = active
    .map((pod) => pod.status?.conditions?.find((condition) => condition.type === 'Ready' && condition.status === 'True')?.lastTransitionTime)
    .map((since) => (since ? Date.parse(since) + (rs.spec.minReadySeconds ?? 0) * 1000 - nowMs : 0))
    .filter((wait) => wait > 0)
  return Math.min(...waits, 60_000) + 10
}
