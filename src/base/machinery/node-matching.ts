import type { LabelSelector, NodeSelectorRequirement, NodeSelectorTerm, Node, Pod, Taint, Toleration } from '../api/generated/types.ts'
import { tolerates } from './tolerations.ts'

type Labels = Readonly<Record<string, string>>

interface Requirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

const meets = (labels: Labels, { key, operator, values = [] }: Requirement): boolean => {
  const value = labels[key]
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return compareNumbers(value, values[0], (a, b) => a > b)
    case 'Lt':
      return compareNumbers(value, values[0], (a, b) => a < b)
    default:
      return false
  }
}

const compareNumbers = (left: string | undefined, right: string | undefined, holds: (a: number, b: number) => boolean): boolean =>
  /^-?\d+$/.test(left ?? '') && /^-?\d+$/.test(right ?? '') && holds(Number(left), Number(right))

/** No selector matches nothing; an empty one matches everything. */
export const matchesSelector = (selector: LabelSelector | undefined, labels: Labels | undefined): boolean =>
  selector !== undefined &&
  Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels?.[key] === value) &&
  (selector.matchExpressions ?? []).every((requirement) => meets(labels ?? {}, requirement))

/** A term without any requirement matches no node. */
export const matchesNodeTerm = (term: NodeSelectorTerm, node: Node): boolean => {
  const expressions = term.matchExpressions ?? []
  const fields = term.matchFields ?? []
  if (expressions.length + fields.length === 0) return false
  return expressions.every((each) => meets(node.metadata.labels ?? {}, each)) && fields.every((each) => meetsField(node, each))
}

const meetsField = (node: Node, requirement: NodeSelectorRequirement): boolean =>
  requirement.key === 'metadata.name' && meets({ 'metadata.name': node.metadata.name }, requirement)

export const isTolerated = (taint: Taint, tolerations: readonly Toleration[] | undefined): boolean =>
  (tolerations ?? []).some((toleration) => tolerates(toleration, taint))

export const requiredTerms = (pod: Pod): readonly NodeSelectorTerm[] | undefined =>
  pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms

export const hasNodeAffinity = (pod: Pod): boolean => pod.spec.nodeSelector !== undefined || requiredTerms(pod) !== undefined

/** `nodeSelector` and required node affinity together. */
export const matchesNodeAffinity = (pod: Pod, node: Node): boolean => {
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (node.metadata.labels?.[key] !== value) return false
  return requiredTerms(pod)?.some((term) => matchesNodeTerm(term, node)) ?? true
}
