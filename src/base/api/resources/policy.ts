// Leases, PriorityClasses and PodDisruptionBudgets.
import type { Lease, PodDisruptionBudget, PriorityClass } from '../generated/types.ts'
import { leases, podDisruptionBudgets, priorityClasses } from '../kinds.ts'
import { validateIntOrPercent } from './apps/workload.ts'
import { ageColumn, column, nameColumn } from './columns.ts'
import { defineResource } from './define-resource.ts'
import { forbidden, immutable, invalid, nonNegative, notSupported, oneOf } from './field.ts'
import { validateLabelSelector } from './metadata.ts'

export const lease = defineResource<Lease>({
  kind: leases,
  validate: ({ spec }) => [
    ...(spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0
      ? [invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0')]
      : []),
    ...nonNegative('spec.leaseTransitions', spec?.leaseTransitions),
  ],
  columns: [nameColumn, column('Holder', ({ spec }) => spec?.holderIdentity ?? '', { description: 'Who holds it.' }), ageColumn],
})

const highestUserValue = 1_000_000_000
const systemValues: Readonly<Record<string, number>> = { 'system-node-critical': 2_000_001_000, 'system-cluster-critical': 2_000_000_000 }

export const priorityClass = defineResource<PriorityClass>({
  kind: priorityClasses,
  hasSpec: false,
  hasGeneration: true,
  defaults(object) {
    object.preemptionPolicy ??= 'PreemptLowerPriority'
  },
  validate: (object, old) => [
    ...validateValue(object),
    ...(['PreemptLowerPriority', 'Never'].includes(object.preemptionPolicy!)
      ? []
      : [notSupported('preemptionPolicy', object.preemptionPolicy, ['Never', 'PreemptLowerPriority'])]),
    ...(old && (object.value ?? 0) !== (old.value ?? 0) ? [forbidden('value', 'may not be changed in an update.')] : []),
    ...(old ? immutable('preemptionPolicy', object.preemptionPolicy, object.preemptionPolicy !== (old.preemptionPolicy ?? 'PreemptLowerPriority')) : []),
  ],
  columns: [
    nameColumn,
    column('Value', (object) => object.value ?? 0, { type: 'integer', description: 'The priority of its Pods.' }),
    column('Global-Default', (object) => object.globalDefault ?? false, { type: 'boolean', description: 'Whether Pods without a class have it.' }),
    ageColumn,
    column('PreemptionPolicy', (object) => object.preemptionPolicy ?? '', { description: 'Whether its Pods push others out.' }),
  ],
})

const validateValue = ({ metadata, value = 0 }: PriorityClass) => {
  if (metadata.name?.startsWith('system-')) {
    return systemValues[metadata.name] === value
      ? []
      : [forbidden('metadata.name', "priority class names with 'system-' prefix are reserved for system use only")]
  }
  return value > highestUserValue ? [forbidden('value', `maximum allowed value of a user defined priority is ${highestUserValue}`)] : []
}

export const podDisruptionBudget = defineResource<PodDisruptionBudget>({
  kind: podDisruptionBudgets,
  subresources: ['status'],
  firstStatus: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  hasGeneration: true,
  validate: ({ spec }) => [
    ...(spec.minAvailable !== undefined && spec.maxUnavailable !== undefined
      ? [invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
      : []),
    ...validateIntOrPercent(spec.minAvailable, 'spec.minAvailable'),
    ...validateIntOrPercent(spec.maxUnavailable, 'spec.maxUnavailable'),
    ...oneOf('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy ?? 'IfHealthyBudget', ['AlwaysAllow', 'IfHealthyBudget']),
    ...validateLabelSelector(spec.selector, 'spec.selector'),
  ],
  columns: [
    nameColumn,
    column('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A'), { description: 'How many Pods must stay.' }),
    column('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A'), { description: 'How many Pods may be gone.' }),
    column('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0, { type: 'integer', description: 'How many Pods may be evicted now.' }),
    ageColumn,
  ],
})
