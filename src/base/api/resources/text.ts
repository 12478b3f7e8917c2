// Cells that several kinds share.
import type { Container, LabelSelector, LoadBalancerStatus, PodTemplateSpec } from '../generated/types.ts'
import type { ColumnOf } from '../resource.ts'
import { wide } from './columns.ts'

export const none = '<none>'

/** `a=1,b=2`, sorted; `<none>` when empty. */
export const labelsText = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',') || none

export const selectorText = (selector: LabelSelector | undefined): string => {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` }))
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values }) => ({ key, text: expressionText(key, operator, values) }))
  return (
    [...labels, ...expressions]
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ text }) => text)
      .join(',') || none
  )
}

const expressionText = (key: string, operator: string, values: readonly string[] = []): string => {
  if (operator === 'Exists') return key
  if (operator === 'DoesNotExist') return `!${key}`
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${[...values].sort().join(',')})`
}

/** At most `max` of them, then how many more. */
export const someOf = (items: readonly string[], max: number): string =>
  items.length > max ? `${items.slice(0, max).join(',')} + ${items.length - max} more...` : items.join(',')

export const loadBalancerText = (status: LoadBalancerStatus | undefined): string =>
  [...new Set((status?.ingress ?? []).map((ingress) => ingress.ip || ingress.hostname || '').filter(Boolean))].sort().join(',')

const containersOf = (template: PodTemplateSpec | undefined): readonly Container[] => template?.spec?.containers ?? []

/** The wide columns of kinds with a Pod template. */
export const templateColumns = <T>(templateOf: (object: T) => PodTemplateSpec | undefined): ColumnOf<T>[] => [
  wide(
    'Containers',
    (object) =>
      containersOf(templateOf(object))
        .map((container) => container.name)
        .join(','),
    { description: 'Names of each container in the template.' },
  ),
  wide(
    'Images',
    (object) =>
      containersOf(templateOf(object))
        .map((container) => container.image ?? '')
        .join(','),
    { description: 'Images referenced by each container in the template.' },
  ),
]

const accessModeNames: Readonly<Record<string, string>> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' }

export const accessModesText = (modes: readonly string[] | undefined): string =>
  Object.entries(accessModeNames)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',')
