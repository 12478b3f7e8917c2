// Volumes, claims and their classes.
import { isDeepStrictEqual } from 'node:util'
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec, StorageClass } from '../../generated/types.ts'
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../kinds.ts'
import type { Mutable } from '../../object.ts'
import type { FieldFault } from '../../resource.ts'
import { ageColumn, column, nameColumn, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import { forbidden, immutable, invalid, notSupported, required } from '../field.ts'
import { accessModesText } from '../text.ts'

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']

const validateModes = (modes: readonly string[] | undefined): FieldFault[] =>
  (modes ?? []).length === 0
    ? [required('spec.accessModes', 'at least 1 access mode is required')]
    : modes!.filter((mode) => !accessModes.includes(mode)).map((mode) => notSupported('spec.accessModes', mode, accessModes))

const phaseText = (object: PersistentVolume | PersistentVolumeClaim): string =>
  object.metadata.deletionTimestamp ? 'Terminating' : (object.status?.phase ?? '')

export const defaultClaimSpec = (spec: Mutable<PersistentVolumeClaimSpec> | undefined): void => {
  if (spec) spec.volumeMode ??= 'Filesystem'
}

/** Two fields name what a claim is filled from: each follows from the other, as upstream has it (`dataSourceRef` alone can name another namespace). */
const alignDataSources = (spec: Mutable<PersistentVolumeClaimSpec>): void => {
  const { dataSource, dataSourceRef } = spec
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource }
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { namespace: _, ...local } = dataSourceRef
    spec.dataSource = local
  }
}

export const persistentVolumeClaim = defineResource<PersistentVolumeClaim>({
  kind: persistentVolumeClaims,
  subresources: ['status'],
  firstStatus: { phase: 'Pending' },
  defaults: (object) => {
    defaultClaimSpec(object.spec)
    if (object.spec) alignDataSources(object.spec)
  },
  validate: (object, old) => [
    ...validateModes(object.spec.accessModes),
    ...(object.spec.resources?.requests?.['storage'] ? [] : [required('spec.resources[storage]')]),
    ...(old ? validateClaimChange(object, old) : []),
  ],
  columns: [
    nameColumn,
    column('Status', phaseText, { description: 'Whether the claim is bound.' }),
    column('Volume', (object) => object.spec.volumeName ?? '', { description: 'The volume that it is bound to.' }),
    column('Capacity', (object) => (object.spec.volumeName ? (object.status?.capacity?.['storage'] ?? '') : ''), { description: 'The size of that volume.' }),
    column('Access Modes', (object) => (object.spec.volumeName ? accessModesText(object.status?.accessModes) : ''), { description: 'How it may be mounted.' }),
    column('StorageClass', (object) => object.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec.storageClassName ?? '', {
      description: 'Its class.',
    }),
    column('VolumeAttributesClass', (object) => object.spec.volumeAttributesClassName ?? '<unset>', { description: 'The class of its attributes.' }),
    ageColumn,
    wide('VolumeMode', (object) => object.spec.volumeMode ?? '<unset>', { description: 'A filesystem or a block device.' }),
  ],
})

/** After creation a claim may be bound and grow; the rest stands. */
const validateClaimChange = (object: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldFault[] => {
  const fixed = ({
    resources: _resources,
    volumeName: _volume,
    storageClassName: _class,
    volumeAttributesClassName: _attributes,
    ...rest
  }: PersistentVolumeClaimSpec) => rest
  const kept = (field: 'volumeName' | 'storageClassName') => old.spec[field] === undefined || old.spec[field] === object.spec[field]
  return isDeepStrictEqual(fixed(object.spec), fixed(old.spec)) && kept('volumeName') && kept('storageClassName')
    ? []
    : [forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims')]
}

export const persistentVolume = defineResource<PersistentVolume>({
  kind: persistentVolumes,
  subresources: ['status'],
  firstStatus: { phase: 'Pending' },
  defaults({ spec }) {
    if (!spec) return
    spec.persistentVolumeReclaimPolicy ||= 'Retain'
    spec.volumeMode ??= 'Filesystem'
    if (spec.hostPath) spec.hostPath.type ??= ''
  },
  validate: ({ spec }) => [
    ...validateModes(spec.accessModes),
    ...(spec.capacity?.['storage'] ? [] : [required('spec.capacity', 'must specify a storage capacity')]),
    ...(['Recycle', 'Delete', 'Retain'].includes(spec.persistentVolumeReclaimPolicy!)
      ? []
      : [notSupported('spec.persistentVolumeReclaimPolicy', spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain'])]),
  ],
  columns: [
    nameColumn,
    column('Capacity', ({ spec }) => spec.capacity?.['storage'] ?? '', { description: 'Its size.' }),
    column('Access Modes', ({ spec }) => accessModesText(spec.accessModes), { description: 'How it may be mounted.' }),
    column('Reclaim Policy', ({ spec }) => spec.persistentVolumeReclaimPolicy ?? '', { description: 'What becomes of it when its claim goes.' }),
    column('Status', phaseText, { description: 'Whether the volume is bound.' }),
    column('Claim', ({ spec }) => (spec.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : ''), { description: 'The claim that it is bound to.' }),
    column('StorageClass', ({ spec }) => spec.storageClassName ?? '', { description: 'Its class.' }),
    column('VolumeAttributesClass', ({ spec }) => spec.volumeAttributesClassName ?? '<unset>', { description: 'The class of its attributes.' }),
    column('Reason', ({ status }) => status?.reason ?? '', { description: 'Why it is in this state.' }),
    ageColumn,
    wide('VolumeMode', ({ spec }) => spec.volumeMode ?? '<unset>', { description: 'A filesystem or a block device.' }),
  ],
})

const isDefaultClass = (object: StorageClass): boolean =>
  ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some(
    (key) => object.metadata.annotations?.[key] === 'true',
  )

export const storageClass = defineResource<StorageClass>({
  kind: storageClasses,
  hasSpec: false,
  defaults(object) {
    object.reclaimPolicy ??= 'Delete'
    object.volumeBindingMode ??= 'Immediate'
  },
  validate: (object, old) => [
    ...(object.provisioner ? [] : [required('provisioner')]),
    ...(['Delete', 'Retain'].includes(object.reclaimPolicy!) ? [] : [notSupported('reclaimPolicy', object.reclaimPolicy, ['Delete', 'Retain'])]),
    ...(['Immediate', 'WaitForFirstConsumer'].includes(object.volumeBindingMode!)
      ? []
      : [invalid('volumeBindingMode', object.volumeBindingMode, 'must be Immediate or WaitForFirstConsumer')]),
    ...(old
      ? [
          ...(isDeepStrictEqual(object.parameters ?? {}, old.parameters ?? {}) ? [] : [forbidden('parameters', 'updates to parameters are forbidden.')]),
          ...(object.provisioner === old.provisioner ? [] : [forbidden('provisioner', 'updates to provisioner are forbidden.')]),
          ...(object.reclaimPolicy === old.reclaimPolicy ? [] : [forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.')]),
          ...immutable('volumeBindingMode', object.volumeBindingMode, object.volumeBindingMode !== old.volumeBindingMode),
        ]
      : []),
  ],
  columns: [
    column('Name', (object) => (isDefaultClass(object) ? `${object.metadata.name} (default)` : object.metadata.name), {
      format: 'name',
      description: 'Name must be unique within a namespace.',
    }),
    column('Provisioner', (object) => object.provisioner, { description: 'Who makes its volumes.' }),
    column('ReclaimPolicy', (object) => object.reclaimPolicy ?? 'Delete', { description: 'What becomes of a volume when its claim goes.' }),
    column('VolumeBindingMode', (object) => object.volumeBindingMode ?? 'Immediate', { description: 'When a claim is bound.' }),
    column('AllowVolumeExpansion', (object) => object.allowVolumeExpansion ?? false, { type: 'boolean', description: 'Whether its volumes may grow.' }),
    ageColumn,
  ],
})
