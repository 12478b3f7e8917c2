import type { LabelSelector, Pod } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import { pods } from '../../../base/api/kinds.ts'
import { type Draft, keyOf, type KubeObject } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerOf } from '../../../base/client/owner-ref.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { claim } from '../lib/claim.ts'
import { Expectations } from '../lib/expectations.ts'
import { burst, createPodControl, keysOfOwnedPod, type PodControl, type PodControlResult, podFromTemplate } from '../lib/pod-control.ts'
import { isPodActive, isPodFinished, isPodTerminating } from '../lib/pods.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { deletionOrder } from './rank.ts'
import { type Replicated, replicaStatus } from './status.ts'

export interface ReplicaControllerOptions<T extends Replicated> {
  readonly name: string
  readonly kind: Kind<T>
  readonly selectorOf: (owner: T) => LabelSelector | undefined
  readonly reportsTerminating: boolean
}

/** A controller that keeps as many Pods as its owners want. */
export const createReplicaController = <T extends Replicated>(options: ReplicaControllerOptions<T>): Controller => ({
  name: options.name,
  start(context) {
    const { kind, selectorOf } = options
    const owners = context.informers.of(kind)
    const allPods = context.informers.of(pods)
    const expectations = new Expectations(context.clock)
    allPods.addIndex('controller', (pod) => [controllerOf(pod)?.uid ?? `none/${pod.metadata.namespace}`])
    const adopters = (pod: Pod) => owners.list(pod.metadata.namespace).filter((owner) => matchesLabelSelector(selectorOf(owner), pod.metadata.labels))
    const control = createPodControl(context, kind, expectations)
    return startController({
      ...machinery(context),
      name: options.name,
      sources: [source(owners, ({ object, old }) => keysOfOwner(expectations, old, object)), source(allPods, keysOfOwnedPod({ kind, expectations, adopters }))],
      reconcile: (key) => reconcile({ ...context, ...options, owners, allPods, expectations, control }, key),
    })
  },
})

interface Context<T extends Replicated> extends ControllerContext, ReplicaControllerOptions<T> {
  readonly name: string
  readonly owners: Informer<T>
  readonly allPods: Informer<Pod>
  readonly expectations: Expectations
  readonly control: PodControl<T>
}

const keysOfOwner = (expectations: Expectations, old: KubeObject | undefined, object: KubeObject | undefined): readonly string[] => {
  const any = object ?? old
  if (!any) return []
  if (!object || !old) expectations.forget(keyOf(any))
  return [keyOf(any)]
}

const reconcile = async <T extends Replicated>(context: Context<T>, key: string): Promise<ReconcileResult> => {
  const { client, clock, expectations, kind, reportsTerminating, selectorOf } = context
  const owner = context.owners.get(key)
  if (!owner) return expectations.forget(key)
  const maySync = expectations.areMet(key)
  const { uid, namespace, deletionTimestamp } = owner.metadata
  const candidates = [...context.allPods.byIndex('controller', uid), ...context.allPods.byIndex('controller', `none/${namespace}`)]
  const own = await claim({
    client,
    ownerKind: kind,
    owner,
    selector: selectorOf(owner),
    kind: pods,
    candidates: candidates.filter((pod) => !isPodFinished(pod)),
    isAdoptable: isPodActive,
  })
  const active = own.filter(isPodActive)
  const scaled = maySync && deletionTimestamp === undefined ? await scalePods(context, owner, active) : undefined
  const terminating = reportsTerminating ? own.filter(isPodTerminating) : undefined
  const status = replicaStatus(owner, { active, terminating, failure: scaled ? scaled.failure : 'unknown' }, clock.now())
  if (!semanticEqual(owner.status, status)) await client.update(kind, { ...owner, status } as unknown as Draft<T>, { subresource: 'status' })
  if (scaled?.error) throw scaled.error
  const waiting = (owner.spec.minReadySeconds ?? 0) > 0 && (status.readyReplicas ?? 0) !== (status.availableReplicas ?? 0)
  return waiting ? { requeueAfterMs: nextAvailableMs(owner, active, clock.now()) } : undefined
}

/** Creates or deletes Pods until as many are active as the owner wants. */
const scalePods = async <T extends Replicated>({ control, clock }: Context<T>, owner: T, active: readonly Pod[]): Promise<PodControlResult> => {
  const missing = (owner.spec.replicas ?? 1) - active.length
  if (missing > 0) {
    const draft = podFromTemplate(owner, owner.spec.template)
    return control.create(
      owner,
      Array.from({ length: Math.min(missing, burst) }, () => draft),
    )
  }
  if (missing < 0) return control.delete(owner, deletionOrder(active, clock.now()).slice(0, Math.min(-missing, burst)))
  return {}
}

/** When the next ready Pod will have been ready long enough. */
const nextAvailableMs = (owner: Replicated, active: readonly Pod[], nowMs: number): number => {
  const waits = active
    .map((pod) => pod.status?.conditions?.find((condition) => condition.type === 'Ready' && condition.status === 'True')?.lastTransitionTime)
    .map((since) => (since ? Date.parse(since) + (owner.spec.minReadySeconds ?? 0) * 1000 - nowMs : 0))
    .filter((wait) => wait > 0)
  return Math.min(...waits, 60_000) + 10
}
