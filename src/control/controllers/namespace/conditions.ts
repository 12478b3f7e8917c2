import type { NamespaceCondition } from '../../../base/api/generated/types.ts'
import { stampOf } from '../../../base/client/stamp.ts'

/** What a round of deletion found. */
export interface Remains {
  /** Objects left by resource, such as `pods.` or `deployments.apps`. */
  readonly objects: ReadonlyMap<string, number>
  /** Finalizers on what is left, with the number of objects that carry each. */
  readonly finalizers: ReadonlyMap<string, number>
  readonly failures: readonly string[]
}

type Verdict = readonly [type: string, status: 'True' | 'False', reason: string, message: string]

/** The five conditions of a namespace on its way out, in upstream's words; those that did not change keep their time. */
export const deletionConditions = (current: readonly NamespaceCondition[], remains: Remains, nowMs: number): readonly NamespaceCondition[] =>
  verdicts(remains).map(([type, status, reason, message]) => {
    const before = current.find((condition) => condition.type === type)
    const lastTransitionTime = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : stampOf(nowMs)
    return { type, status, lastTransitionTime, reason, message }
  })

const verdicts = ({ objects, finalizers, failures }: Remains): readonly Verdict[] => [
  ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'],
  ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
  failures.length > 0
    ? [
        'NamespaceDeletionContentFailure',
        'True',
        'ContentDeletionFailed',
        `Failed to delete all resource types, ${failures.length} remaining: ${[...failures].sort().join(', ')}`,
      ]
    : ['NamespaceDeletionContentFailure', 'False', 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
  objects.size > 0
    ? [
        'NamespaceContentRemaining',
        'True',
        'SomeResourcesRemain',
        `Some resources are remaining: ${listed(objects, (resource, count) => `${resource} has ${count} resource instances`)}`,
      ]
    : ['NamespaceContentRemaining', 'False', 'ContentRemoved', 'All content successfully removed'],
  finalizers.size > 0
    ? [
        'NamespaceFinalizersRemaining',
        'True',
        'SomeFinalizersRemain',
        `Some content in the namespace has finalizers remaining: ${listed(finalizers, (finalizer, count) => `${finalizer} in ${count} resource instances`)}`,
      ]
    : ['NamespaceFinalizersRemaining', 'False', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
]

const listed = (counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string =>
  [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([entry, count]) => text(entry, count))
    .join(', ')
