// DaemonSets and ControllerRevisions.
import { isDeepStrictEqual } from 'node:util'
import type { ControllerRevision, DaemonSet } from '../../generated/types.ts'
import { controllerRevisions, daemonSets } from '../../kinds.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { immutable, nonNegative, notSupported } from '../field.ts'
import { defaultPodTemplate } from '../pod-defaults.ts'
import { labelsText, none, selectorText, templateColumns } from '../text.ts'
import { selectorKept, validateIntOrPercent, validateWorkload } from './workload.ts'

const counts = [
  ['Desired', 'desiredNumberScheduled', 'How many nodes should run one.'],
  ['Current', 'currentNumberScheduled', 'How many of those run one.'],
  ['Ready', 'numberReady', 'How many Pods are ready.'],
  ['Up-to-date', 'updatedNumberScheduled', 'How many Pods have the present template.'],
  ['Available', 'numberAvailable', 'How many Pods have been ready for long enough.'],
] as const

export const daemonSet = defineResource<DaemonSet>({
  kind: daemonSets,
  subresources: ['status'],
  firstStatus: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  hasGeneration: true,
  defaults({ spec }) {
    if (!spec) return
    spec.updateStrategy ??= {}
    spec.updateStrategy.type ||= 'RollingUpdate'
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {}
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0
    }
    spec.revisionHistoryLimit ??= 10
    defaultPodTemplate(spec.template)
  },
  validate: ({ spec }, old) => [
    ...validateWorkload(spec, 'daemonset'),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...(['OnDelete', 'RollingUpdate'].includes(spec.updateStrategy?.type ?? '')
      ? []
      : [notSupported('spec.updateStrategy.type', spec.updateStrategy?.type, ['RollingUpdate', 'OnDelete'])]),
    ...validateIntOrPercent(spec.updateStrategy?.rollingUpdate?.maxUnavailable, 'spec.updateStrategy.rollingUpdate.maxUnavailable'),
    ...selectorKept(spec, old?.spec),
  ],
  columns: [
    nameColumn,
    ...counts.map(([name, field, description]) => column<DaemonSet>(name, ({ status }) => status?.[field] ?? 0, { type: 'integer', description })),
    column('Node Selector', ({ spec }) => labelsText(spec.template.spec.nodeSelector), { description: 'The labels of the nodes that run one.' }),
    ageColumn,
    ...templateColumns<DaemonSet>(({ spec }) => spec.template),
    wide('Selector', ({ spec }) => selectorText(spec.selector), { description: 'What selects its Pods.' }),
  ],
})

const controllerText = ({ metadata }: ControllerRevision): string => {
  const owner = metadata.ownerReferences?.find((one) => one.controller)
  if (!owner) return none
  const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : ''
  return `${`${owner.kind}${group}`.toLowerCase()}/${owner.name}`
}

export const controllerRevision = defineResource<ControllerRevision>({
  kind: controllerRevisions,
  hasSpec: false,
  validate: (object, old) => [
    ...nonNegative('revision', object.revision),
    ...(old ? immutable('data', object.data, !isDeepStrictEqual(object.data, old.data)) : []),
  ],
  columns: [
    nameColumn,
    column('Controller', controllerText, { description: 'Whose history it is.' }),
    column('Revision', (object) => object.revision ?? 0, { description: 'Its place in that history.' }),
    ageColumn,
  ],
})
