import type { LabelSelector, LabelSelectorRequirement } from '../../../base/api/generated/types.ts'

type Labels = Readonly<Record<string, string>>

/** An absent selector matches nothing, an empty one everything. */
export const matchesLabelSelector = (selector: LabelSelector | undefined, labels: Labels = {}): boolean =>
  selector !== undefined && matchesLabels(selector.matchLabels ?? {}, labels) && (selector.matchExpressions ?? []).every((requirement) => meets(requirement, labels))

export const matchesLabels = (wanted: Labels, labels: Labels = {}): boolean => Object.entries(wanted).every(([name, value]) => labels[name] === value)

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0

const meets = ({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean => {
  const value = labels[key]
  switch (operator) {
    case 'In': return value !== undefined && values.includes(value)
    case 'NotIn': return value === undefined || !values.includes(value)
    case 'Exists': return value !== undefined
    case 'DoesNotExist': return value === undefined
    default: return false
  }
}
