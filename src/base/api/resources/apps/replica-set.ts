// ReplicaSets and ReplicationControllers.
import type { ReplicaSet, ReplicationController } from '../../generated/types.ts'
import { replicaSets, replicationControllers } from '../../kinds.ts'
import type { ColumnOf } from '../../resource.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { invalid, nonNegative, required } from '../field.ts'
import { selectorMatches } from '../metadata.ts'
import { defaultPodTemplate } from '../pod-defaults.ts'
import { validatePodTemplate } from '../pod-validation.ts'
import { labelsText, selectorText, templateColumns } from '../text.ts'
import { selectorKept, validateWorkload } from './workload.ts'

type Replicated = ReplicaSet | ReplicationController

const countColumns: readonly ColumnOf<Replicated>[] = [
  nameColumn,
  column('Desired', ({ spec }) => spec.replicas ?? 0, { type: 'integer', description: 'How many Pods are wanted.' }),
  column('Current', ({ status }) => status?.replicas ?? 0, { type: 'integer', description: 'How many Pods there are.' }),
  column('Ready', ({ status }) => status?.readyReplicas ?? 0, { type: 'integer', description: 'How many Pods are ready.' }),
  ageColumn,
  ...templateColumns<Replicated>(({ spec }) => spec.template),
]

export const replicaSet = defineResource<ReplicaSet>({
  kind: replicaSets,
  subresources: ['status', 'scale'],
  firstStatus: { replicas: 0 },
  hasGeneration: true,
  defaults({ spec }) {
    if (!spec) return
    spec.replicas ??= 1
    defaultPodTemplate(spec.template)
  },
  validate: ({ spec }, old) => [
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateWorkload(spec, 'deployment'),
    ...selectorKept(spec, old?.spec),
  ],
  columns: [...countColumns, wide<ReplicaSet>('Selector', ({ spec }) => selectorText(spec.selector), { description: 'What selects its Pods.' })],
})

export const replicationController = defineResource<ReplicationController>({
  kind: replicationControllers,
  subresources: ['status', 'scale'],
  firstStatus: { replicas: 0 },
  hasGeneration: true,
  defaults(object) {
    const { spec } = object
    if (!spec) return
    const labels = spec.template?.metadata?.labels
    if (labels) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels }
      if (Object.keys(object.metadata.labels ?? {}).length === 0) object.metadata.labels = { ...labels }
    }
    spec.replicas ??= 1
    if (spec.template) defaultPodTemplate(spec.template)
  },
  validate: ({ spec }) => {
    const labels = spec.template?.metadata?.labels ?? {}
    return [
      ...nonNegative('spec.replicas', spec.replicas),
      ...(Object.keys(spec.selector ?? {}).length === 0 ? [required('spec.selector')] : []),
      ...(selectorMatches({ matchLabels: spec.selector ?? {} }, labels)
        ? []
        : [invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')]),
      ...(spec.template ? validatePodTemplate(spec.template, 'spec.template') : [required('spec.template')]),
    ]
  },
  columns: [...countColumns, wide<ReplicationController>('Selector', ({ spec }) => labelsText(spec.selector), { description: 'What selects its Pods.' })],
})
