import type { ControllerRevision, DaemonSet, Node, Pod } from '../../../base/api/generated/types.ts'
import { controllerRevisions, daemonSets, nodes, pods } from '../../../base/api/kinds.ts'
import { type Draft, keyOf } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerOf, isControlledBy } from '../../../base/client/owner-ref.ts'
import { KeyedBackoff } from '../../../base/lib/backoff.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { claim } from '../lib/claim.ts'
import { Expectations } from '../lib/expectations.ts'
import { keysOfChange } from '../lib/keys.ts'
import { burst, createPodControl, keysOfOwnedPod, type PodControl, podFromTemplate } from '../lib/pod-control.ts'
import { hashOfRevision, revisionLabel, syncHistory, truncateHistory } from '../lib/revisions.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { daemonTolerations } from './node-fit.ts'
import { daemonSetStatus, nodeOf, plan, type Situation } from './plan.ts'

const name = 'daemonset-controller'

/** Runs one Pod on every node that is to have one. */
export const daemonSetController: Controller = {
  name,
  serviceAccount: 'daemon-set-controller',
  start(context) {
    const sets = context.informers.of(daemonSets)
    const allPods = context.informers.of(pods)
    const allNodes = context.informers.of(nodes)
    const revisions = context.informers.of(controllerRevisions)
    const expectations = new Expectations(context.clock)
    const control = createPodControl(context, daemonSets, expectations)
    const adopters = (pod: Pod) => sets.list(pod.metadata.namespace).filter((set) => matchesLabelSelector(set.spec.selector, pod.metadata.labels))
    const everySet = ({ old, object }: { readonly old?: Node; readonly object?: Node }) =>
      placement(old) === placement(object) ? [] : sets.list().map((set) => keyOf(set))
    const failures = new KeyedBackoff({ initialMs: 1_000, maxMs: 15 * 60_000 })
    return startController({
      ...machinery(context),
      name,
      sources: [source(sets, keysOfChange), source(allPods, keysOfOwnedPod({ kind: daemonSets, expectations, adopters })), source(allNodes, everySet)],
      reconcile: async (key) => {
        await revisions.synced
        return reconcile({ ...context, sets, allPods, allNodes, revisions, expectations, control, failures }, key)
      },
    })
  },
}

/** What of a node decides whether it runs daemons; heartbeats do not. */
const placement = (node: Node | undefined): string => (node ? JSON.stringify([node.metadata.labels, node.spec.taints]) : '')

interface Context extends ControllerContext {
  readonly sets: Informer<DaemonSet>
  readonly allPods: Informer<Pod>
  readonly allNodes: Informer<Node>
  readonly revisions: Informer<ControllerRevision>
  readonly expectations: Expectations
  readonly control: PodControl<DaemonSet>
  readonly failures: KeyedBackoff
}

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const { client, clock, expectations } = context
  const set = context.sets.get(key)
  if (!set) return expectations.forget(key)
  const own = await claim({
    client,
    ownerKind: daemonSets,
    owner: set,
    selector: set.spec.selector,
    kind: pods,
    candidates: context.allPods.list(set.metadata.namespace).filter((pod) => isControlledBy(pod, set) || !controllerOf(pod)),
  })
  const history = await historyOf(context, set)
  const situation: Situation = { set, pods: own, nodes: context.allNodes.list(), hash: hashOfRevision(history.update), nowMs: clock.now() }
  const status = daemonSetStatus(situation, history.collisionCount)
  if (!semanticEqual(set.status, status)) await client.update(daemonSets, { ...set, status }, { subresource: 'status' })
  if (set.metadata.deletionTimestamp || !expectations.areMet(key)) return
  const live = new Set(own.map((pod) => pod.metadata.labels?.[revisionLabel]))
  const liveNames = new Set([history.update, ...history.all.filter((one) => live.has(hashOfRevision(one)))].map(({ metadata }) => metadata.name))
  await truncateHistory(client, { all: history.all, live: liveNames, limit: set.spec.revisionHistoryLimit ?? 10 })
  return act(context, situation)
}

const historyOf = ({ client, revisions }: Context, set: DaemonSet) =>
  syncHistory(
    {
      client,
      kind: daemonSets,
      owner: set,
      template: set.spec.template,
      labels: set.spec.selector?.matchLabels ?? {},
      collisionCount: set.status?.collisionCount ?? 0,
    },
    revisions.list(set.metadata.namespace).filter((revision) => isControlledBy(revision, set)),
  )

const act = async (context: Context, situation: Situation): Promise<ReconcileResult> => {
  const { control, failures, recorder, clock } = context
  const { set } = situation
  const wanted = plan(situation)
  // A daemon that fails at once is replaced ever more slowly.
  const due = wanted.failed.filter((pod) => failures.remainingMs(backoffKey(set, pod), failures.updatedMs(backoffKey(set, pod)), clock.monotonic()) === 0)
  for (const pod of due) {
    failures.next(backoffKey(set, pod), clock.monotonic())
    recorder.event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${keyOf(pod)} on node ${nodeOf(pod)}, will try to kill it`)
  }
  const victims = [...wanted.delete, ...due].slice(0, burst)
  const removed = victims.length > 0 ? await control.delete(set, victims) : {}
  const drafts = wanted.create.slice(0, burst).map((node) => podFor(set, node, situation.hash))
  const made = drafts.length > 0 ? await control.create(set, drafts) : {}
  const error = removed.error ?? made.error
  if (error) throw error
  const isWaiting = due.length < wanted.failed.length || (set.spec.minReadySeconds ?? 0) > 0
  return isWaiting && situation.pods.length > 0 ? { requeueAfterMs: 1_000 } : undefined
}

const backoffKey = (set: DaemonSet, pod: Pod): string => `${set.metadata.uid}/${nodeOf(pod)}`

const podFor = (set: DaemonSet, node: string, hash: string): Draft<Pod> => {
  const { labels, annotations, finalizers } = set.spec.template.metadata ?? {}
  const spec = set.spec.template.spec as Pod['spec']
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{}]
  const here = { key: 'metadata.name', operator: 'In', values: [node] }
  return {
    ...podFromTemplate(set, set.spec.template, {
      labels: { ...labels, [revisionLabel]: hash, 'pod-template-generation': String(set.metadata.generation ?? 1) },
      annotations,
      finalizers,
    }),
    spec: {
      ...spec,
      affinity: {
        ...spec.affinity,
        nodeAffinity: {
          ...spec.affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms.map((term) => ({ ...term, matchFields: [here] })) },
        },
      },
      tolerations: [...(spec.tolerations ?? []), ...daemonTolerations(spec)],
    } as Draft<Pod['spec']>,
  }
}
