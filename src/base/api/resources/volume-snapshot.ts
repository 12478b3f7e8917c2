// https://github.com/kubernetes-csi/external-snapshotter/tree/master/client/config/crd
import { isDeepStrictEqual } from 'node:util'
import { ageText } from '../duration.ts'
import type { VolumeSnapshot, VolumeSnapshotClass, VolumeSnapshotContent } from '../generated/types.ts'
import { volumeSnapshotClasses, volumeSnapshotContents, volumeSnapshots } from '../kinds.ts'
import type { FieldFault } from '../resource.ts'
import { ageColumn, column, nameColumn } from './columns.ts'
import { defineResource } from './define-resource.ts'
import { invalid, oneOf, required } from './field.ts'

const policies = ['Delete', 'Retain']

export const volumeSnapshotClass = defineResource<VolumeSnapshotClass>({
  kind: volumeSnapshotClasses,
  hasSpec: false,
  validate: (object) => [...(object.driver ? [] : [required('driver')]), ...policyFaults('deletionPolicy', object.deletionPolicy)],
  columns: [
    nameColumn,
    column('Driver', (object) => object.driver, { description: 'Who takes its snapshots.' }),
    column('DeletionPolicy', (object) => object.deletionPolicy, { description: 'What becomes of the data when the VolumeSnapshot goes.' }),
    ageColumn,
  ],
})

export const volumeSnapshot = defineResource<VolumeSnapshot>({
  kind: volumeSnapshots,
  subresources: ['status'],
  hasGeneration: true,
  validate: ({ spec }, old) => [
    ...exactlyOne('spec.source', [spec.source?.persistentVolumeClaimName, spec.source?.volumeSnapshotContentName], spec.source),
    ...(spec.volumeSnapshotClassName === ''
      ? [invalid('spec.volumeSnapshotClassName', '', 'volumeSnapshotClassName must not be the empty string when set')]
      : []),
    ...(old && !isDeepStrictEqual(spec.source, old.spec.source) ? [invalid('spec.source', spec.source, 'source is immutable')] : []),
  ],
  columns: [
    nameColumn,
    column('ReadyToUse', ({ status }) => status?.readyToUse ?? '', { type: 'boolean', description: 'Whether a volume can be made of it.' }),
    column('SourcePVC', ({ spec }) => spec.source?.persistentVolumeClaimName ?? '', { description: 'The claim whose volume it is taken of.' }),
    column('SourceSnapshotContent', ({ spec }) => spec.source?.volumeSnapshotContentName ?? '', { description: 'The content that was there before it.' }),
    column('RestoreSize', ({ status }) => status?.restoreSize ?? '', { description: 'The least size of a volume that is made of it.' }),
    column('SnapshotClass', ({ spec }) => spec.volumeSnapshotClassName ?? '', { description: 'Its class.' }),
    column('SnapshotContent', ({ status }) => status?.boundVolumeSnapshotContentName ?? '', { description: 'The content that it is bound to.' }),
    column('CreationTime', ({ status }, { now }) => (status?.creationTime ? ageText(status.creationTime, now) : ''), {
      type: 'date',
      description: 'How long ago it was taken.',
    }),
    ageColumn,
  ],
})

export const volumeSnapshotContent = defineResource<VolumeSnapshotContent>({
  kind: volumeSnapshotContents,
  subresources: ['status'],
  hasGeneration: true,
  validate: ({ spec }, old) => [
    ...(spec.driver ? [] : [required('spec.driver')]),
    ...policyFaults('spec.deletionPolicy', spec.deletionPolicy),
    ...exactlyOne('spec.source', [spec.source?.volumeHandle, spec.source?.snapshotHandle], spec.source),
    ...(spec.volumeSnapshotRef?.name && spec.volumeSnapshotRef.namespace
      ? []
      : [invalid('spec.volumeSnapshotRef', spec.volumeSnapshotRef ?? {}, 'both spec.volumeSnapshotRef.name and spec.volumeSnapshotRef.namespace must be set')]),
    ...(old && !isDeepStrictEqual(spec.source, old.spec.source) ? [invalid('spec.source', spec.source, 'source is immutable')] : []),
  ],
  columns: [
    nameColumn,
    column('ReadyToUse', ({ status }) => status?.readyToUse ?? '', { type: 'boolean', description: 'Whether a volume can be made of it.' }),
    column('RestoreSize', ({ status }) => status?.restoreSize ?? '', { type: 'integer', description: 'Its size in bytes.' }),
    column('DeletionPolicy', ({ spec }) => spec.deletionPolicy, { description: 'What becomes of the data when its VolumeSnapshot goes.' }),
    column('Driver', ({ spec }) => spec.driver, { description: 'Who takes it.' }),
    column('VolumeSnapshotClass', ({ spec }) => spec.volumeSnapshotClassName ?? '', { description: 'Its class.' }),
    column('VolumeSnapshot', ({ spec }) => spec.volumeSnapshotRef?.name ?? '', { description: 'The VolumeSnapshot that it is bound to.' }),
    column('VolumeSnapshotNamespace', ({ spec }) => spec.volumeSnapshotRef?.namespace ?? '', { description: 'The namespace of that.' }),
    ageColumn,
  ],
})

const policyFaults = (field: string, policy: string | undefined): FieldFault[] => (policy ? oneOf(field, policy, policies) : [required(field)])

const exactlyOne = (field: string, values: readonly (string | undefined)[], value: unknown): FieldFault[] =>
  values.filter((one) => one !== undefined).length === 1 ? [] : [invalid(field, value ?? {}, `${field} in body must validate one and only one schema (oneOf)`)]
