import type { Container, Pod } from '../../base/api/generated/types.ts'

/** `name_namespace(uid)`, as upstream words a Pod in messages. */
export const formatPod = (pod: Pod): string => `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`

/** A restartable init container. */
export const isSidecar = (container: Pick<Container, 'restartPolicy'>): boolean => container.restartPolicy === 'Always'

export interface ContainerSlot {
  readonly container: Container
  readonly role: 'init' | 'sidecar' | 'main' | 'ephemeral'
}

/** Every container of a Pod in the order it is started. */
export const containerSlots = (pod: Pod): ContainerSlot[] => [
  ...(pod.spec.initContainers ?? []).map((container): ContainerSlot => ({ container, role: isSidecar(container) ? 'sidecar' : 'init' })),
  ...pod.spec.containers.map((container): ContainerSlot => ({ container, role: 'main' })),
  ...(pod.spec.ephemeralContainers ?? []).map((container): ContainerSlot => ({ container, role: 'ephemeral' })),
]

/** Path of the container in the Pod, as Events name it. */
export const fieldPathOf = (pod: Pod, name: string): string => {
  if (pod.spec.initContainers?.some((container) => container.name === name)) return `spec.initContainers{${name}}`
  if (pod.spec.ephemeralContainers?.some((container) => container.name === name)) return `spec.ephemeralContainers{${name}}`
  return `spec.containers{${name}}`
}

/** The Pod's host name, as upstream cuts it. */
export const hostnameOf = (pod: Pod): string => (pod.spec.hostname || pod.metadata.name).slice(0, 63).replace(/[-.]+$/, '')

/** `host.subdomain.namespace.svc.domain`, for a Pod with a subdomain. */
export const domainNameOf = (pod: Pod, clusterDomain: string): string | undefined =>
  pod.spec.subdomain ? `${hostnameOf(pod)}.${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : undefined
