// The defaults of Pods and of the templates that make them.
import type { Container, EphemeralContainer, Lifecycle, Pod, PodSpec, PodTemplateSpec, Probe, Volume } from '../generated/types.ts'
import type { Mutable } from '../object.ts'

type AnyContainer = Mutable<Container> | Mutable<EphemeralContainer>

const fileMode = 0o644

export const defaultPodTemplate = (template: Mutable<PodTemplateSpec> | undefined): void => {
  if (template?.spec) defaultPodSpec(template.spec)
}

/** What holds for a Pod itself and not for a template: requests follow limits, host ports follow ports. */
export const defaultPod = (pod: Mutable<Pod>): void => {
  if (!pod.spec) return
  defaultPodSpec(pod.spec)
  for (const container of [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])]) {
    const resources = container.resources
    if (resources?.limits) resources.requests = { ...resources.limits, ...resources.requests }
    if (pod.spec.hostNetwork) for (const port of container.ports ?? []) port.hostPort ??= port.containerPort
  }
  // With a class, the Priority admission decides.
  if (!pod.spec.priorityClassName) pod.spec.preemptionPolicy ??= 'PreemptLowerPriority'
}

export const defaultPodSpec = (spec: Mutable<PodSpec>): void => {
  spec.restartPolicy ||= 'Always'
  spec.dnsPolicy ||= 'ClusterFirst'
  spec.schedulerName ||= 'default-scheduler'
  spec.terminationGracePeriodSeconds ??= 30
  spec.securityContext ??= {}
  spec.enableServiceLinks ??= true
  if (spec.serviceAccountName || spec.serviceAccount) {
    spec.serviceAccountName ||= spec.serviceAccount!
    spec.serviceAccount = spec.serviceAccountName
  }
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])]) defaultContainer(container)
  for (const volume of spec.volumes ?? []) defaultVolume(volume)
}

/** `Always` for `:latest` and for no tag, but not for a digest. */
export const defaultPullPolicy = (image: string | undefined): string => {
  if (!image || image.includes('@')) return image ? 'IfNotPresent' : 'Always'
  const tag = /:([^/:]+)$/.exec(image)?.[1]
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent'
}

const defaultContainer = (container: AnyContainer): void => {
  container.resources ??= {}
  container.imagePullPolicy ||= defaultPullPolicy(container.image)
  container.terminationMessagePath ||= '/dev/termination-log'
  container.terminationMessagePolicy ||= 'File'
  for (const port of container.ports ?? []) port.protocol ||= 'TCP'
  for (const env of container.env ?? []) {
    if (env.valueFrom?.fieldRef) env.valueFrom.fieldRef.apiVersion ||= 'v1'
    if (env.valueFrom?.resourceFieldRef) env.valueFrom.resourceFieldRef.divisor ??= '0'
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) if (probe) defaultProbe(probe)
  if (container.lifecycle) defaultLifecycle(container.lifecycle)
}

const defaultHttpGet = (get: { path?: string; scheme?: string }): void => {
  get.path ||= '/'
  get.scheme ||= 'HTTP'
}

const defaultProbe = (probe: Mutable<Probe>): void => {
  probe.timeoutSeconds ||= 1
  probe.periodSeconds ||= 10
  probe.successThreshold ||= 1
  probe.failureThreshold ||= 3
  if (probe.httpGet) defaultHttpGet(probe.httpGet)
  if (probe.grpc) probe.grpc.service ??= ''
}

const defaultLifecycle = (lifecycle: Mutable<Lifecycle>): void => {
  for (const handler of [lifecycle.postStart, lifecycle.preStop]) if (handler?.httpGet) defaultHttpGet(handler.httpGet)
}

const defaultVolume = (volume: Mutable<Volume>): void => {
  if (!Object.entries(volume).some(([field, source]) => field !== 'name' && source !== undefined && source !== null)) volume.emptyDir = {}
  if (volume.hostPath) volume.hostPath.type ??= ''
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) if (source) source.defaultMode ??= fileMode
  for (const item of volume.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1'
  for (const source of volume.projected?.sources ?? []) {
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600
    for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1'
  }
  if (volume.ephemeral?.volumeClaimTemplate?.spec) volume.ephemeral.volumeClaimTemplate.spec.volumeMode ??= 'Filesystem'
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference)
}
