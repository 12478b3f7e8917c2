import type { Pod, Service } from '../../../base/api/generated/types.ts'
import { matchesLabels } from '../lib/label-selector.ts'
import { isPodFinished, isPodTerminating } from '../lib/pods.ts'

/** A Service's port as one Pod offers it: a named target port may stand for another number in each Pod. */
export interface ResolvedPort {
  readonly name: string
  readonly port: number
  readonly protocol: string
  readonly appProtocol?: string
}

/** Services without a selector have endpoints of the user's own; those of type ExternalName have none. */
export const hasManagedEndpoints = (service: Service): boolean => Object.keys(service.spec.selector ?? {}).length > 0 && service.spec.type !== 'ExternalName'

export const isHeadless = (service: Service): boolean => service.spec.clusterIP === 'None'

export const isSelectedBy = (service: Service, pod: Pod): boolean =>
  hasManagedEndpoints(service) && matchesLabels(service.spec.selector ?? {}, pod.metadata.labels)

/** Has an address and has not finished. */
export const canBeEndpoint = (pod: Pod, { terminating }: { terminating: boolean }): boolean =>
  !isPodFinished(pod) && Boolean(pod.status?.podIP) && (terminating || !isPodTerminating(pod))

/** The Service's ports that this Pod has; a named target port that it lacks is left out. */
export const resolvePorts = (service: Service, pod: Pod): readonly ResolvedPort[] =>
  (service.spec.ports ?? []).flatMap(({ name = '', protocol = 'TCP', appProtocol, port, targetPort }) => {
    const number = resolvePort(pod, targetPort === undefined || targetPort === 0 || targetPort === '' ? port : targetPort, protocol)
    return number === undefined ? [] : [{ name, port: number, protocol, ...(appProtocol ? { appProtocol } : {}) }]
  })

const resolvePort = (pod: Pod, target: string | number, protocol: string): number | undefined => {
  if (typeof target === 'number') return target
  // A sidecar is an init container that goes on running; its ports count as well.
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
  const ports = [...pod.spec.containers, ...sidecars].flatMap((container) => container.ports ?? [])
  return ports.find((port) => port.name === target && (port.protocol ?? 'TCP') === protocol)?.containerPort
}

/** The Pod's host name within the Service, where the Service is the Pod's subdomain. */
export const endpointHostname = (service: Service, pod: Pod): string | undefined =>
  pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined

export const podReference = ({ metadata }: Pod) => ({ kind: 'Pod', namespace: metadata.namespace ?? 'default', name: metadata.name, uid: metadata.uid })

/** Does the change of a Pod matter to the endpoints that it is part of? */
export const concernsEndpoints = (old: Pod, pod: Pod): boolean => fingerprint(old) !== fingerprint(pod)

const fingerprint = ({ metadata, spec, status }: Pod): string => {
  const ready = status?.conditions?.find((condition) => condition.type === 'Ready')?.status
  const { labels, deletionTimestamp } = metadata
  return JSON.stringify([labels, deletionTimestamp, spec.nodeName, spec.hostname, spec.subdomain, status?.phase, status?.podIP, status?.podIPs, ready])
}
