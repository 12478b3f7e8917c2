import type { PersistentVolumeClaim, StorageClass } from '../../../base/api/generated/types.ts'
import { storageClasses } from '../../../base/api/kinds.ts'
import type { KubeObject, Mutable } from '../../../base/api/object.ts'
import { claimProtection, volumeProtection } from '../../../base/api/volume-annotations.ts'
import { compareQuantities } from '../../../base/lib/quantity.ts'
import { classOf } from '../../../base/machinery/volume-match.ts'
import type { Reader } from '../context.ts'
import { forbidden } from '../errors.ts'
import type { AdmissionPlugin, Attributes } from './admission.ts'

const isCore = ({ resource: { kind }, subresource }: Attributes, plural: string): boolean => kind.group === '' && kind.plural === plural && subresource === ''

const markers = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']
const betaClass = 'volume.beta.kubernetes.io/storage-class'

/** A claim that names no class gets the default one; of several, the newest. */
export const defaultStorageClass = (reader: Reader): AdmissionPlugin => ({
  name: 'DefaultStorageClass',
  admit(attributes) {
    if (attributes.operation !== 'CREATE' || !isCore(attributes, 'persistentvolumeclaims')) return
    const claim = attributes.object as unknown as Mutable<PersistentVolumeClaim>
    // The empty name is a choice too: no class.
    if (!claim.spec || claim.spec.storageClassName !== undefined || claim.metadata.annotations?.[betaClass] !== undefined) return
    const found = defaultOf(reader.list(storageClasses))
    if (found) claim.spec.storageClassName = found.metadata.name
  },
})

const defaultOf = (classes: readonly StorageClass[]): StorageClass | undefined =>
  classes
    .filter(({ metadata }) => markers.some((marker) => metadata.annotations?.[marker] === 'true'))
    .toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) || a.metadata.name.localeCompare(b.metadata.name))[0]

/** Claims and volumes carry the finalizer that keeps them while they are used, from the first. */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  admit(attributes) {
    if (attributes.operation !== 'CREATE') return
    if (isCore(attributes, 'persistentvolumeclaims')) addFinalizer(attributes.object, claimProtection)
    if (isCore(attributes, 'persistentvolumes')) addFinalizer(attributes.object, volumeProtection)
  },
}

const addFinalizer = (object: Mutable<KubeObject> | undefined, finalizer: string): void => {
  if (object && !object.metadata.finalizers?.includes(finalizer)) object.metadata.finalizers = [...(object.metadata.finalizers ?? []), finalizer]
}

/** A bound claim may grow where its class lets it. */
export const persistentVolumeClaimResize = (reader: Reader): AdmissionPlugin => ({
  name: 'PersistentVolumeClaimResize',
  validate(attributes) {
    if (attributes.operation !== 'UPDATE' || !isCore(attributes, 'persistentvolumeclaims')) return
    const [claim, old] = [attributes.object, attributes.old] as unknown as PersistentVolumeClaim[]
    const size = (of: PersistentVolumeClaim | undefined) => of?.spec?.resources?.requests?.['storage'] ?? '0'
    if (!claim || !old || compareQuantities(size(claim), size(old)) <= 0) return
    if (old.status?.phase !== 'Bound') throw forbidden(attributes.resource.kind, attributes.name, 'Only bound persistent volume claims can be expanded')
    const found = reader.list(storageClasses).find(({ metadata }) => metadata.name === classOf(claim))
    if (found?.allowVolumeExpansion) return
    throw forbidden(
      attributes.resource.kind,
      attributes.name,
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    )
  },
})
