import type { ControllerRevision, Pod, StatefulSet, StatefulSetStatus } from '../../../base/api/generated/types.ts'
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '../../../base/api/kinds.ts'
import { keyOf } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerOf, isControlledBy } from '../../../base/client/owner-ref.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, machinery } from '../controller.ts'
import { claim } from '../lib/claim.ts'
import { keysOfChange } from '../lib/keys.ts'
import { syncHistory, truncateHistory } from '../lib/revisions.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { type ClaimContext, syncClaimOwners } from './claims.ts'
import { ordinalOf, revisionNameOf } from './identity.ts'
import { nextAvailableMs, planSteps, type Situation } from './plan.ts'
import { statefulSetStatus } from './status.ts'
import { takeStep } from './steps.ts'

const name = 'statefulset-controller'

/** Keeps Pods with stable names and storage, one for each ordinal. */
export const statefulSetController: Controller = {
  name,
  start(context) {
    const sets = context.informers.of(statefulSets)
    const allPods = context.informers.of(pods)
    const revisions = context.informers.of(controllerRevisions)
    const claims = context.informers.of(persistentVolumeClaims)
    return startController({
      ...machinery(context),
      name,
      sources: [source(sets, keysOfChange), source(allPods, ({ old, object }) => [old, object].flatMap((pod) => (pod ? keysOfPod(sets, pod) : [])))],
      reconcile: async (key) => {
        await Promise.all([claims.synced, revisions.synced])
        return reconcile({ ...context, sets, allPods, revisions, claims }, key)
      },
    })
  },
}

interface Context extends ClaimContext {
  readonly sets: Informer<StatefulSet>
  readonly allPods: Informer<Pod>
  readonly revisions: Informer<ControllerRevision>
}

const keysOfPod = (sets: Informer<StatefulSet>, pod: Pod): readonly string[] => {
  const owner = controllerOf(pod)
  if (owner) return owner.kind === 'StatefulSet' ? [`${pod.metadata.namespace}/${owner.name}`] : []
  return sets
    .list(pod.metadata.namespace)
    .filter((set) => isOf(set, pod))
    .map(keyOf)
}

const isOf = (set: StatefulSet, pod: Pod): boolean => ordinalOf(set, pod) !== undefined && matchesLabelSelector(set.spec.selector, pod.metadata.labels)

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const { client, clock } = context
  const set = context.sets.get(key)
  if (!set) return
  const own = await claim({
    client,
    ownerKind: statefulSets,
    owner: set,
    selector: set.spec.selector,
    kind: pods,
    candidates: context.allPods.list(set.metadata.namespace).filter((pod) => isControlledBy(pod, set) || (!controllerOf(pod) && isOf(set, pod))),
  })
  const history = await historyOf(context, set)
  const current = history.all.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? history.update
  const situation: Situation = { set, pods: own, current: current.metadata.name, update: history.update.metadata.name, nowMs: clock.now() }
  await writeStatus(context, set, statefulSetStatus(situation, history.collisionCount))
  if (set.metadata.deletionTimestamp) return
  await syncClaimOwners(context, set, own)
  for (const step of planSteps(situation)) await takeStep(context, { set, current, update: history.update }, step)
  const live = new Set([situation.current, situation.update, ...own.map(revisionNameOf)])
  await truncateHistory(client, { all: history.all, live, limit: set.spec.revisionHistoryLimit ?? 10 })
  const waitMs = nextAvailableMs(situation)
  return waitMs === undefined ? undefined : { requeueAfterMs: waitMs }
}

const historyOf = ({ client, revisions }: Context, set: StatefulSet) =>
  syncHistory(
    {
      client,
      kind: statefulSets,
      owner: set,
      template: set.spec.template,
      labels: set.spec.selector?.matchLabels ?? {},
      collisionCount: set.status?.collisionCount ?? 0,
    },
    revisions.list(set.metadata.namespace).filter((revision) => isControlledBy(revision, set)),
  )

const writeStatus = async ({ client }: Context, set: StatefulSet, status: StatefulSetStatus): Promise<void> => {
  if (!semanticEqual(set.status, status)) await client.update(statefulSets, { ...set, status }, { subresource: 'status' })
}
