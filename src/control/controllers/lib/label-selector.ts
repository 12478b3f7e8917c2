import type { LabelSelector } from '../../../base/api/generated/types.ts'

type Labels = Readonly<Record<string, string>>

/** Does `labels` have every one of `wanted`? */
export const matchesLabels = (wanted: Labels, labels: Labels = {}): boolean => Object.entries(wanted).every(([name, value]) => labels[name] === value)

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0
