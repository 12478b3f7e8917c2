import type { OwnerReference, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import { podDisruptionBudgets, pods } from '../../../base/api/kinds.ts'
import { type Draft, keyOf, type KubeObject } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { type Expectation, expectationOf, kindOfRef, ownerKey, scalableKinds } from './expected.ts'
import { budgetStatus, disruptedPods, failedStatus } from './status.ts'

/** Keeps the status of PodDisruptionBudgets, which evictions ask and lower. */
export const disruptionController: Controller = {
  name: 'disruption-controller',
  start(context) {
    const budgets = context.informers.of(podDisruptionBudgets)
    const allPods = context.informers.of(pods)
    const owners = new Map<Kind, Informer<KubeObject>>(scalableKinds.map((kind) => [kind, context.informers.of(kind as Kind)]))
    const watched = { ...context, budgets, allPods, owners }
    const inNamespace = ({ old, object }: Change) => budgets.list((object ?? old)?.metadata.namespace).map(keyOf)
    return startController({
      ...machinery(context),
      name: 'disruption-controller',
      sources: [
        source(budgets, keysOfChange),
        source(allPods, (change) => budgetsOfPod(budgets, change)),
        ...[...owners.values()].map((informer) => source(informer, (change) => (isRescaled(change) ? inNamespace(change) : []))),
      ],
      reconcile: (key) => reconcile(watched, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly budgets: Informer<PodDisruptionBudget>
  readonly allPods: Informer<Pod>
  readonly owners: ReadonlyMap<Kind, Informer<KubeObject>>
}

interface Change {
  readonly old?: KubeObject
  readonly object?: KubeObject
}

// Pods change with their owners; only a new scale changes what is expected of them. Comparing generations spares the owners' status updates.
const isRescaled = ({ old, object }: Change): boolean => old?.metadata.generation !== object?.metadata.generation

const selects = ({ spec }: PodDisruptionBudget, pod: Pod): boolean => matchesLabelSelector(spec.selector, pod.metadata.labels)

const budgetsOfPod = (budgets: Informer<PodDisruptionBudget>, change: { readonly old?: Pod; readonly object?: Pod }): readonly string[] => {
  const states = [change.old, change.object].filter((pod) => pod !== undefined)
  const candidates = budgets.list(states[0]?.metadata.namespace)
  return candidates.filter((budget) => states.some((pod) => selects(budget, pod))).map(keyOf)
}

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const budget = context.budgets.get(key)
  if (!budget) return
  const { allPods, recorder, clock } = context
  const nowMs = clock.now()
  const selected = allPods.list(budget.metadata.namespace).filter((pod) => selects(budget, pod))
  if (selected.length === 0) recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found')
  const expected = expect(context, budget, selected)
  if (expected instanceof Error) {
    recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${expected.message}`)
    return writeStatus(context, budget, failedStatus(budget, expected.message, nowMs))
  }
  const disrupted = disruptedPods(budget, selected, nowMs)
  for (const pod of disrupted.late) {
    recorder.event(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${budget.metadata.namespace}/${budget.metadata.name} to be deleted but it wasn't`)
  }
  await writeStatus(context, budget, budgetStatus({ budget, pods: selected, disrupted, ...expected, nowMs }))
  return disrupted.recheckMs === undefined ? undefined : { requeueAfterMs: disrupted.recheckMs }
}

const expect = ({ owners }: Context, { spec }: PodDisruptionBudget, selected: readonly Pod[]): Expectation | Error => {
  const find = (ref: OwnerReference, namespace: string) => {
    const owner = owners.get(kindOfRef(ref)!)?.get(ownerKey(ref, namespace))
    return owner?.metadata.uid === ref.uid ? owner : undefined
  }
  try {
    return expectationOf(spec, selected, find)
  } catch (error) {
    return error as Error
  }
}

/** The resourceVersion guards against an eviction that counted meanwhile: the update fails and the budget is counted again. */
const writeStatus = async ({ client }: Context, budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> => {
  if (semanticEqual(budget.status, status)) return
  await client.update(podDisruptionBudgets, { ...budget, status } as unknown as Draft<PodDisruptionBudget>, { subresource: 'status' })
}
