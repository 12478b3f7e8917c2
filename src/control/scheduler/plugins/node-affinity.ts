import type { Node, NodeSelectorTerm, Pod } from '../../../base/api/generated/types.ts'
import { matchesNodeTerm } from '../matching.ts'
import { refuseForGood, scaleToMax, type SchedulerPlugin } from '../plugin.ts'

const requiredTerms = (pod: Pod): readonly NodeSelectorTerm[] | undefined =>
  pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms

export const hasNodeAffinity = (pod: Pod): boolean => pod.spec.nodeSelector !== undefined || requiredTerms(pod) !== undefined

/** `nodeSelector` and required node affinity together. */
export const matchesNodeAffinity = (pod: Pod, node: Node): boolean => {
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (node.metadata.labels?.[key] !== value) return false
  return requiredTerms(pod)?.some((term) => matchesNodeTerm(term, node)) ?? true
}

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
