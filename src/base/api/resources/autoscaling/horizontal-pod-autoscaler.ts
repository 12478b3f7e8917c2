// HorizontalPodAutoscalers, as autoscaling/v2 has them and as v1 does: one storage, in the words of v2.
import type { HorizontalPodAutoscaler, HPAScalingRules, MetricSpec, MetricTarget, V1HorizontalPodAutoscaler } from '../../generated/types.ts'
import { horizontalPodAutoscalers, horizontalPodAutoscalersV1 } from '../../kinds.ts'
import type { Mutable } from '../../object.ts'
import type { ColumnOf, FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { invalid, oneOf, required } from '../field.ts'
import { fromV2, toV2 } from './v1-form.ts'

const defaultMetric = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }
const all = { type: 'Percent', value: 100, periodSeconds: 15 }
const upRules = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, all] }
const downRules = { selectPolicy: 'Max', policies: [all] }

const applyDefaults = ({ spec }: Mutable<HorizontalPodAutoscaler>): void => {
  if (!spec) return
  spec.minReplicas ??= 1
  if ((spec.metrics ?? []).length === 0) spec.metrics = [structuredClone(defaultMetric)]
  if (!spec.behavior) return
  spec.behavior.scaleUp = { ...structuredClone(upRules), ...spec.behavior.scaleUp }
  spec.behavior.scaleDown = { ...structuredClone(downRules), ...spec.behavior.scaleDown }
}

const sources = ['object', 'pods', 'resource', 'containerResource', 'external'] as const
type Source = (typeof sources)[number]
const sourceTypes: readonly string[] = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource']
const sourceOf = (type: string): Source => `${type[0]!.toLowerCase()}${type.slice(1)}` as Source

const validateTarget = (target: MetricTarget | undefined, field: string): FieldFault[] => [
  ...oneOf(`${field}.type`, target?.type, ['AverageValue', 'Utilization', 'Value']),
  ...(target?.averageUtilization !== undefined && target.averageUtilization < 1
    ? [invalid(`${field}.averageUtilization`, target.averageUtilization, 'must be greater than 0')]
    : []),
]

const validateMetric = (metric: MetricSpec, field: string): FieldFault[] => {
  if (!metric.type) return [required(`${field}.type`, 'must specify a metric source type')]
  const faults = oneOf(`${field}.type`, metric.type, sourceTypes)
  if (faults.length > 0) return faults
  const name = sourceOf(metric.type)
  const source = metric[name]
  if (!source) return [required(`${field}.${name}`, 'must populate information for the given metric source')]
  const isNamed = 'metric' in source ? source.metric?.name : 'name' in source && source.name
  const nameField = name === 'resource' || name === 'containerResource' ? 'name' : 'metric.name'
  return [
    ...(isNamed ? [] : [required(`${field}.${name}.${nameField}`, nameField === 'name' ? 'must specify a resource name' : 'must specify a metric name')]),
    ...validateTarget(source.target, `${field}.${name}.target`),
  ]
}

const validateRules = (rules: HPAScalingRules | undefined, field: string): FieldFault[] => {
  const window = rules?.stabilizationWindowSeconds
  return [
    ...(window !== undefined && window < 0 ? [invalid(`${field}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero')] : []),
    ...(window !== undefined && window > 3600 ? [invalid(`${field}.stabilizationWindowSeconds`, window, 'must be less than or equal to 3600')] : []),
    ...(rules ? oneOf(`${field}.selectPolicy`, rules.selectPolicy, ['Disabled', 'Max', 'Min']) : []),
    ...(rules?.policies ?? []).flatMap(({ type, value, periodSeconds }, index) => [
      ...oneOf(`${field}.policies[${index}].type`, type, ['Percent', 'Pods']),
      ...(value > 0 ? [] : [invalid(`${field}.policies[${index}].value`, value, 'must be greater than zero')]),
      ...(periodSeconds > 0 ? [] : [invalid(`${field}.policies[${index}].periodSeconds`, periodSeconds, 'must be greater than zero')]),
      ...(periodSeconds > 1800 ? [invalid(`${field}.policies[${index}].periodSeconds`, periodSeconds, 'must be less than or equal to 1800')] : []),
    ]),
  ]
}

const validate = ({ spec }: HorizontalPodAutoscaler): FieldFault[] => {
  const { minReplicas = 1, maxReplicas, scaleTargetRef, metrics = [], behavior } = spec
  return [
    ...(minReplicas < 1 ? [invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1')] : []),
    ...(!(maxReplicas >= 1) ? [invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0')] : []),
    ...(maxReplicas < minReplicas ? [invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`')] : []),
    ...(scaleTargetRef?.kind ? [] : [required('spec.scaleTargetRef.kind')]),
    ...(scaleTargetRef?.name ? [] : [required('spec.scaleTargetRef.name')]),
    ...metrics.flatMap((metric, index) => validateMetric(metric, `spec.metrics[${index}]`)),
    ...validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ]
}

const targetText = ({ averageUtilization, averageValue, value }: MetricTarget): string =>
  averageUtilization === undefined ? (averageValue ?? value ?? '<auto>') : `${averageUtilization}%`

const metricText = (metric: MetricSpec, index: number, { status }: HorizontalPodAutoscaler): string => {
  const name = sourceOf(metric.type)
  const source = metric[name]
  if (!source) return '<unknown type>'
  const current = status?.currentMetrics?.[index]?.[name]?.current
  const share = source.target.averageUtilization === undefined ? current?.averageValue : percent(current?.averageUtilization)
  const now = share ?? current?.value ?? '<unknown>'
  const average = (name === 'object' || name === 'external') && source.target.averageValue !== undefined ? ' (avg)' : ''
  return `${'name' in source ? `${source.name}: ` : ''}${now}/${targetText(source.target)}${average}`
}

const percent = (value: number | undefined): string | undefined => (value === undefined ? undefined : `${value}%`)

/** As upstream: two of them, and how many more. */
const targetsText = (object: HorizontalPodAutoscaler): string => {
  const texts = (object.spec.metrics ?? []).map((metric, index) => metricText(metric, index, object))
  if (texts.length === 0) return '<none>'
  return `${texts.slice(0, 2).join(', ')}${texts.length > 2 ? ` + ${texts.length - 2} more...` : ''}`
}

const columns: readonly ColumnOf<HorizontalPodAutoscaler>[] = [
  nameColumn,
  column('Reference', ({ spec }) => `${spec.scaleTargetRef?.kind ?? ''}/${spec.scaleTargetRef?.name ?? ''}`, { description: 'What is scaled.' }),
  column('Targets', targetsText, { description: 'The metrics, as they are and as they should be.' }),
  column('MinPods', ({ spec }) => String(spec.minReplicas ?? '<unset>'), { description: 'The fewest Pods.' }),
  column('MaxPods', ({ spec }) => spec.maxReplicas ?? 0, { type: 'integer', description: 'The most Pods.' }),
  column('Replicas', ({ status }) => status?.currentReplicas ?? 0, { type: 'integer', description: 'How many Pods there were when last scaled.' }),
  ageColumn,
]

export const horizontalPodAutoscaler = defineResource<HorizontalPodAutoscaler>({
  kind: horizontalPodAutoscalers,
  subresources: ['status'],
  firstStatus: { desiredReplicas: 0 },
  defaults: applyDefaults,
  validate,
  columns,
})

export const horizontalPodAutoscalerV1 = defineResource<V1HorizontalPodAutoscaler>({
  kind: horizontalPodAutoscalersV1,
  subresources: ['status'],
  firstStatus: { currentReplicas: 0, desiredReplicas: 0 },
  storedAs: { kind: horizontalPodAutoscalers, toStored: toV2, fromStored: fromV2 },
  defaults(object) {
    if (!object.spec) return
    const full = toV2(object as V1HorizontalPodAutoscaler) as Mutable<HorizontalPodAutoscaler>
    applyDefaults(full)
    const { spec, metadata } = fromV2(full as HorizontalPodAutoscaler) as Mutable<V1HorizontalPodAutoscaler>
    object.spec = spec
    object.metadata = metadata
  },
  validate: (object) => validate(toV2(object)),
  columns: columns.map((each) => ({ ...each, cell: (object, context) => each.cell(toV2(object), context) })),
})
