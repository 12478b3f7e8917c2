// https://kubernetes.io/docs/reference/labels-annotations-taints/ (pv.kubernetes.io, volume.kubernetes.io)
export const bindCompleted = 'pv.kubernetes.io/bind-completed'
export const boundByController = 'pv.kubernetes.io/bound-by-controller'
/** Names who is to make the volume of a claim. */
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner'
export const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner'
/** Set by the scheduler on claims that wait for their first consumer. */
export const selectedNode = 'volume.kubernetes.io/selected-node'
/** The provisioner of classes whose volumes somebody makes by hand. */
export const noProvisioner = 'kubernetes.io/no-provisioner'
/** Finalizers of claims and volumes that are in use. */
export const claimProtection = 'kubernetes.io/pvc-protection'
export const volumeProtection = 'kubernetes.io/pv-protection'
