import type { NodeSelectorTerm } from '../../../base/api/generated/types.ts'
import { hasNodeAffinity, matchesNodeAffinity, matchesNodeTerm, requiredTerms } from '../../../base/machinery/node-matching.ts'
import { refuseForGood, scaleToMax, type SchedulerPlugin } from '../plugin.ts'

/** The nodes a term names by `metadata.name`; undefined if it names none. */
const namesOf = (term: NodeSelectorTerm): readonly string[] | undefined =>
  term.matchFields?.find((field) => field.key === 'metadata.name' && field.operator === 'In')?.values

export const nodeAffinity: SchedulerPlugin = {
  name: 'NodeAffinity',
  weight: 2,
  preselect: ({ pod }) => {
    const names = requiredTerms(pod)?.map(namesOf)
    return names?.length && names.every((each) => each !== undefined) ? new Set(names.flat()) : undefined
  },
  filter: ({ pod }) => {
    if (!hasNodeAffinity(pod)) return undefined
    return ({ node }) => (matchesNodeAffinity(pod, node) ? undefined : refuseForGood("node(s) didn't match Pod's node affinity/selector"))
  },
  score: ({ pod }) => {
    const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    if (preferred.length === 0) return undefined
    return {
      of: ({ node }) => preferred.reduce((sum, { weight, preference }) => sum + (matchesNodeTerm(preference, node) ? weight : 0), 0),
      normalize: (scores) => scaleToMax(scores, { reverse: false }),
    }
  },
}
