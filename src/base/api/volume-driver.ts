/** Names the provisioner of StorageClasses that Knarr serves itself, and the CSI driver of their volumes. */
export const volumeDriver = 'volumes.knarr.local'
