import type { Deployment, DeploymentStatus, Pod, ReplicaSet } from '../../../base/api/generated/types.ts'
import { deployments, pods, replicaSets } from '../../../base/api/kinds.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerOf } from '../../../base/client/owner-ref.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { claim } from '../lib/claim.ts'
import { isEmptySelector } from '../lib/label-selector.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { isRollingUpdate } from './arithmetic.ts'
import { isScalingEvent, recreateStep, rollingStep, scaleOnly } from './rollout.ts'
import { type Rollout, splitSets } from './sets.ts'
import { countedStatus, isComplete, msToDeadline, pausedConditions, rolloutStatus } from './status.ts'

const name = 'deployment-controller'

/** Rolls a Deployment's template out through ReplicaSets. */
export const deploymentController: Controller = {
  name,
  start(context) {
    const all = context.informers.of(deployments)
    const sets = context.informers.of(replicaSets)
    const allPods = context.informers.of(pods)
    sets.addIndex('controller', (rs) => [controllerOf(rs)?.uid ?? `none/${rs.metadata.namespace}`])
    allPods.addIndex('controller', (pod) => [controllerOf(pod)?.uid ?? `none/${pod.metadata.namespace}`])
    return startController({
      ...machinery(context),
      name,
      sources: [
        source(all, ({ object, old }) => [object ?? old].flatMap((d) => (d ? [keyOf(d)] : []))),
        source(sets, (change) => keysOfSet(all, change)),
        source(allPods, ({ old, object }) => (object ? [] : keysOfRemovedPod(all, sets, old))),
      ],
      reconcile: (key) => reconcile({ ...context, all, sets, allPods }, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly all: Informer<Deployment>
  readonly sets: Informer<ReplicaSet>
  readonly allPods: Informer<Pod>
}

const keysOfSet = (all: Informer<Deployment>, { old, object }: { old?: ReplicaSet; object?: ReplicaSet }): readonly string[] => {
  const keys = new Set([ownerKey(old), ownerKey(object)].filter((key) => key !== undefined))
  if (object && !controllerOf(object)) {
    for (const d of all.list(object.metadata.namespace)) if (matchesLabelSelector(d.spec.selector, object.metadata.labels)) keys.add(keyOf(d))
  }
  return [...keys]
}

const ownerKey = (rs: ReplicaSet | undefined): string | undefined => {
  const owner = rs && controllerOf(rs)
  return owner?.kind === 'Deployment' ? `${rs?.metadata.namespace}/${owner.name}` : undefined
}

// Recreate waits for the last old Pod to be gone, not only for its ReplicaSet to say so.
const keysOfRemovedPod = (all: Informer<Deployment>, sets: Informer<ReplicaSet>, pod: Pod | undefined): readonly string[] => {
  const owner = pod && controllerOf(pod)
  const key = owner?.kind === 'ReplicaSet' ? ownerKey(sets.get(`${pod?.metadata.namespace}/${owner.name}`)) : undefined
  const d = key === undefined ? undefined : all.get(key)
  return d && !isRollingUpdate(d) ? [keyOf(d)] : []
}

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const d = context.all.get(key)
  if (!d) return
  if (isEmptySelector(d.spec.selector)) {
    context.recorder.event(d, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.')
    return
  }
  const sets = await ownSets(context, d)
  const nowMs = context.clock.now()
  if (d.metadata.deletionTimestamp !== undefined) {
    await writeStatus(context, d, d, countedStatus(d, splitSets(d, sets), nowMs))
    return
  }
  const shown: Deployment = { ...d, status: { ...d.status, conditions: pausedConditions(d, nowMs) } }
  if (d.spec.paused || isScalingEvent(d, sets)) {
    const scaled = await scaleOnly(context, shown, sets)
    await writeStatus(context, d, scaled.d, countedStatus(scaled.d, scaled, context.clock.now()))
    return
  }
  return finishRollout(context, d, await rolloutStep(context, shown, sets))
}

const ownSets = ({ client, sets }: Context, d: Deployment): Promise<readonly ReplicaSet[]> => {
  const candidates = [...sets.byIndex('controller', d.metadata.uid), ...sets.byIndex('controller', `none/${d.metadata.namespace}`)]
  return claim({ client, ownerKind: deployments, owner: d, selector: d.spec.selector, kind: replicaSets, candidates })
}

const rolloutStep = (context: Context, d: Deployment, sets: readonly ReplicaSet[]): Promise<Rollout> =>
  isRollingUpdate(d) ? rollingStep(context, d, sets) : recreateStep(context, d, sets, (rs) => context.allPods.byIndex('controller', rs.metadata.uid))

const finishRollout = async (context: Context, before: Deployment, rollout: Rollout): Promise<ReconcileResult> => {
  const nowMs = context.clock.now()
  const status = rolloutStatus(rollout.d, rollout, nowMs)
  await writeStatus(context, before, rollout.d, status)
  const left = isComplete(rollout.d, status) ? undefined : msToDeadline(rollout.d, status, nowMs)
  // One second more, as stamps are whole seconds.
  return left === undefined ? undefined : { requeueAfterMs: Math.max(0, left) + 1000 }
}

const writeStatus = async ({ client }: Context, before: Deployment, d: Deployment, status: DeploymentStatus): Promise<void> => {
  if (semanticEqual(before.status, status)) return
  await client.update(deployments, { ...d, status }, { subresource: 'status' })
}
