import { isDeepStrictEqual } from 'node:util'
import type { StatefulSet, StatefulSetSpec } from '../../generated/types.ts'
import { statefulSets } from '../../kinds.ts'
import type { Mutable } from '../../object.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn } from '../columns.ts'
import { defaultClaimSpec } from '../core/storage.ts'
import { defineResource } from '../define-resource.ts'
import { forbidden, nonNegative, notSupported } from '../field.ts'
import { defaultPodTemplate } from '../pod-defaults.ts'
import { templateColumns } from '../text.ts'
import { validateWorkload } from './workload.ts'

const defaultStatefulSet = ({ spec }: Mutable<StatefulSet>): void => {
  if (!spec) return
  spec.podManagementPolicy ||= 'OrderedReady'
  spec.updateStrategy ??= {}
  spec.updateStrategy.type ||= 'RollingUpdate'
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {}
    spec.updateStrategy.rollingUpdate.partition ??= 0
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {}
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain'
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain'
  spec.replicas ??= 1
  spec.revisionHistoryLimit ??= 10
  defaultPodTemplate(spec.template)
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.kind = 'PersistentVolumeClaim'
    claim.apiVersion = 'v1'
    defaultClaimSpec(claim.spec)
    claim.status ??= {}
    claim.status.phase ??= 'Pending'
  }
}

const changeable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const

const validateChange = (spec: StatefulSetSpec, old: StatefulSetSpec): FieldFault[] => {
  const fixed = (value: StatefulSetSpec) => Object.fromEntries(Object.entries(value).filter(([field]) => !(changeable as readonly string[]).includes(field)))
  const [last, ...others] = [...changeable].map((field) => `'${field}'`).reverse()
  return isDeepStrictEqual(fixed(spec), fixed(old))
    ? []
    : [forbidden('spec', `updates to statefulset spec for fields other than ${others.reverse().join(', ')} and ${last} are forbidden`)]
}

export const statefulSet = defineResource<StatefulSet>({
  kind: statefulSets,
  subresources: ['status', 'scale'],
  firstStatus: { replicas: 0 },
  hasGeneration: true,
  defaults: defaultStatefulSet,
  validate: ({ spec }, old) => [
    ...(['OrderedReady', 'Parallel'].includes(spec.podManagementPolicy!)
      ? []
      : [notSupported('spec.podManagementPolicy', spec.podManagementPolicy, ['OrderedReady', 'Parallel'])]),
    ...(['OnDelete', 'RollingUpdate'].includes(spec.updateStrategy?.type ?? '')
      ? []
      : [notSupported('spec.updateStrategy', spec.updateStrategy?.type, ['OnDelete', 'RollingUpdate'])]),
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateWorkload(withClaimVolumes(spec), 'statefulset'),
    ...(old ? validateChange(spec, old.spec) : []),
  ],
  columns: [
    nameColumn,
    column('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 0}`, {
      description: 'How many Pods are ready, of how many wanted.',
    }),
    ageColumn,
    ...templateColumns<StatefulSet>(({ spec }) => spec.template),
  ],
})

/** The template as its Pods will have it: claims become volumes that containers may mount. */
const withClaimVolumes = (spec: StatefulSetSpec): StatefulSetSpec => {
  const claims = (spec.volumeClaimTemplates ?? []).flatMap((claim) => claim.metadata?.name ?? [])
  if (!spec.template?.spec || claims.length === 0) return spec
  const own = (spec.template.spec.volumes ?? []).filter((volume) => !claims.includes(volume.name))
  const volumes = [...own, ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))]
  return { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, volumes } } }
}
