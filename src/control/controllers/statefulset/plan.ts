// What to do next for a StatefulSet, decided from its Pods alone. https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
import type { Pod, StatefulSet } from '../../../base/api/generated/types.ts'
import { resolveIntOrPercent } from '../lib/int-or-percent.ts'
import { isPodAvailable, isPodFinished, isPodReady, isPodTerminating } from '../lib/pods.ts'
import { isInRange, lostLabels, ordinalOf, revisionNameOf, startOrdinal, wantedReplicas } from './identity.ts'

export type Step =
  | { readonly do: 'create'; readonly ordinal: number; readonly revision: 'current' | 'update' }
  | { readonly do: 'delete'; readonly pod: Pod; readonly why: 'scale' | 'update' | 'failed' | 'succeeded' }
  | { readonly do: 'label'; readonly pod: Pod; readonly labels: Readonly<Record<string, string>> }
  | { readonly do: 'claims'; readonly pod: Pod }

export interface Situation {
  readonly set: StatefulSet
  readonly pods: readonly Pod[]
  /** Names of the revisions that are rolled from and to. */
  readonly current: string
  readonly update: string
  readonly nowMs: number
}

interface Slot {
  readonly ordinal: number
  readonly pod: Pod | undefined
}

/** Pods by ordinal: the places that the set wants filled, and those to go, highest first. */
export const slotsOf = (set: StatefulSet, pods: readonly Pod[]): { readonly wanted: readonly Slot[]; readonly condemned: readonly Pod[] } => {
  const byOrdinal = new Map<number, Pod>()
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod)
    if (ordinal !== undefined) byOrdinal.set(ordinal, pod)
  }
  const wanted = Array.from({ length: wantedReplicas(set) }, (_, index) => startOrdinal(set) + index).map((ordinal) => ({
    ordinal,
    pod: byOrdinal.get(ordinal),
  }))
  const condemned = [...byOrdinal].filter(([ordinal]) => !isInRange(set, ordinal)).sort(([a], [b]) => b - a)
  return { wanted, condemned: condemned.map(([, pod]) => pod) }
}

/**
 * The next steps. With `OrderedReady` at most one Pod is made or deleted at a time, each after its predecessors are available;
 * with `Parallel` all are. Updates go from the highest ordinal down to the partition, at most `maxUnavailable` at a time.
 */
export const planSteps = (situation: Situation): readonly Step[] => {
  const { set, pods } = situation
  const isOrdered = set.spec.podManagementPolicy !== 'Parallel'
  const { wanted, condemned } = slotsOf(set, pods)
  const filling = fill(situation, wanted, isOrdered)
  if (filling.isBlocked) return filling.steps
  const shrinking = shrink(situation, { wanted, condemned, isOrdered })
  if (shrinking.isBlocked) return [...filling.steps, ...shrinking.steps]
  return [...filling.steps, ...shrinking.steps, ...roll(situation, wanted)]
}

interface Phase {
  readonly steps: readonly Step[]
  /** What comes after must wait. */
  readonly isBlocked: boolean
}

const fill = (situation: Situation, wanted: readonly Slot[], isOrdered: boolean): Phase => {
  const steps: Step[] = []
  for (const { ordinal, pod } of wanted) {
    const step = stepFor(situation, ordinal, pod)
    if (step) steps.push(step)
    if (isOrdered && (step?.do === 'create' || step?.do === 'delete' || !isSettled(situation, pod))) return { steps, isBlocked: true }
  }
  return { steps, isBlocked: false }
}

const stepFor = (situation: Situation, ordinal: number, pod: Pod | undefined): Step | undefined => {
  if (!pod) return { do: 'create', ordinal, revision: isCurrentNeeded(situation, ordinal) ? 'current' : 'update' }
  if (isPodTerminating(pod)) return undefined
  if (isPodFinished(pod)) return { do: 'delete', pod, why: pod.status.phase === 'Failed' ? 'failed' : 'succeeded' }
  const labels = lostLabels(pod, ordinal)
  if (labels) return { do: 'label', pod, labels }
  // A Pod that waits for a claim which somebody deleted would wait for ever.
  return pod.status?.phase === 'Pending' ? { do: 'claims', pod } : undefined
}

const isSettled = (situation: Situation, pod: Pod | undefined): boolean => pod !== undefined && !isPodTerminating(pod) && isAvailable(situation, pod)

const isAvailable = ({ set, nowMs }: Situation, pod: Pod): boolean =>
  pod.status?.phase === 'Running' && isPodReady(pod) && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)

/** Is a Pod that is missing to come back as it was, because the update has not come down to its ordinal? */
const isCurrentNeeded = ({ set, pods, current, update }: Situation, ordinal: number): boolean => {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {}
  if (current === update || type === 'OnDelete') return false
  if (ordinal < startOrdinal(set) + (rollingUpdate?.partition ?? 0)) return true
  return pods.some((pod) => {
    const other = ordinalOf(set, pod) ?? -1
    return other > ordinal && isInRange(set, other) && revisionNameOf(pod) !== update
  })
}

const shrink = (situation: Situation, { wanted, condemned, isOrdered }: { wanted: readonly Slot[]; condemned: readonly Pod[]; isOrdered: boolean }): Phase => {
  const goers = condemned.filter((pod) => !isPodTerminating(pod))
  if (!isOrdered) return { steps: goers.map(scaledDown), isBlocked: false }
  const [last] = condemned
  if (!last) return { steps: [], isBlocked: false }
  if (isPodTerminating(last)) return { steps: [], isBlocked: true }
  // One goes after the other, and none while another one is ill: unless the ill one is the one to go.
  const everyone = [...wanted.flatMap(({ pod }) => pod ?? []), ...[...condemned].reverse()]
  const firstIll = everyone.find((pod) => isPodTerminating(pod) || !isAvailable(situation, pod))
  const mayGo = isAvailable(situation, last) || firstIll === last
  return { steps: mayGo ? [scaledDown(last)] : [], isBlocked: true }
}

const scaledDown = (pod: Pod): Step => ({ do: 'delete', pod, why: 'scale' })

const roll = (situation: Situation, wanted: readonly Slot[]): readonly Step[] => {
  const { set, update } = situation
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {}
  if (type === 'OnDelete') return []
  const outdated = wanted.slice(rollingUpdate?.partition ?? 0).filter(({ pod }) => pod && !isPodTerminating(pod) && revisionNameOf(pod) !== update)
  const limit = rollingUpdate?.maxUnavailable === undefined ? 1 : Math.max(1, resolveIntOrPercent(rollingUpdate.maxUnavailable, wantedReplicas(set), 'up'))
  const ill = new Set(wanted.filter(({ pod }) => !pod || isPodTerminating(pod) || !isAvailable(situation, pod)).map(({ ordinal }) => ordinal))
  const steps: Step[] = []
  for (const { ordinal, pod } of outdated.reverse()) {
    // Replacing one that is unavailable already costs nothing; else a broken template could never be repaired.
    if (pod && (ill.has(ordinal) || ill.size < limit)) {
      ill.add(ordinal)
      steps.push({ do: 'delete', pod, why: 'update' })
    } else break
    if (steps.length >= limit) break
  }
  return steps
}

/** When the next Pod will have been ready for minReadySeconds, in milliseconds; undefined where none is on its way there. */
export const nextAvailableMs = ({ set, pods, nowMs }: Situation): number | undefined => {
  const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000
  const waits = pods
    .map((pod) => pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True')?.lastTransitionTime)
    .flatMap((since) => (since ? Date.parse(since) + minReadyMs - nowMs : []))
    .filter((waitMs) => waitMs > 0)
  return waits.length > 0 ? Math.min(...waits) + 10 : undefined
}
