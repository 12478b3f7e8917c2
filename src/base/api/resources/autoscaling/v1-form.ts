// autoscaling/v1 in the words of v2: v1 has a field for CPU only; the rest stands in annotations, as upstream has it.
import type { HorizontalPodAutoscaler, MetricSpec, MetricTarget, V1HorizontalPodAutoscaler, V1MetricSpec } from '../../generated/types.ts'
import type { KubeObject } from '../../object.ts'

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics'
const behaviorAnnotation = 'autoscaling.alpha.kubernetes.io/behavior'

const present = <T extends object>(fields: T): T => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T

const toOldMetric = ({ type, ...sources }: MetricSpec): V1MetricSpec => {
  const { resource, containerResource, pods, object, external } = sources
  const share = ({ averageUtilization, averageValue }: MetricTarget) => ({ targetAverageUtilization: averageUtilization, targetAverageValue: averageValue })
  return present({
    type,
    resource: resource && present({ name: resource.name, ...share(resource.target) }),
    containerResource:
      containerResource && present({ name: containerResource.name, container: containerResource.container, ...share(containerResource.target) }),
    pods: pods && present({ metricName: pods.metric.name, selector: pods.metric.selector, targetAverageValue: pods.target.averageValue ?? '0' }),
    object:
      object &&
      present({
        target: object.describedObject,
        metricName: object.metric.name,
        selector: object.metric.selector,
        targetValue: object.target.value ?? '0',
        averageValue: object.target.averageValue,
      }),
    external:
      external &&
      present({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  }) as V1MetricSpec
}

const target = (utilization: number | undefined, averageValue: string | undefined, value?: string): MetricTarget => {
  if (utilization !== undefined) return { type: 'Utilization', averageUtilization: utilization }
  return averageValue === undefined ? present({ type: 'Value', value: value! }) : { type: 'AverageValue', averageValue }
}

const toNewMetric = ({ type, ...sources }: V1MetricSpec): MetricSpec => {
  const { resource, containerResource, pods, object, external } = sources
  const share = (from: { readonly targetAverageUtilization?: number; readonly targetAverageValue?: string }) =>
    target(from.targetAverageUtilization, from.targetAverageValue)
  return present({
    type,
    resource: resource && { name: resource.name, target: share(resource) },
    containerResource: containerResource && { name: containerResource.name, container: containerResource.container, target: share(containerResource) },
    pods: pods && { metric: present({ name: pods.metricName, selector: pods.selector }), target: target(undefined, pods.targetAverageValue) },
    object: object && {
      describedObject: object.target,
      metric: present({ name: object.metricName, selector: object.selector }),
      target: target(undefined, object.averageValue, object.targetValue),
    },
    external: external && {
      metric: present({ name: external.metricName, selector: external.metricSelector }),
      target: target(undefined, external.targetAverageValue, external.targetValue),
    },
  }) as MetricSpec
}

const isCpuShare = ({ type, resource }: MetricSpec): boolean =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined

const parsed = <T>(text: string | undefined, fallback: T): T => {
  try {
    return text === undefined ? fallback : (JSON.parse(text) as T)
  } catch {
    return fallback
  }
}

export const toV2 = (object: V1HorizontalPodAutoscaler): HorizontalPodAutoscaler => {
  const { [metricsAnnotation]: metricsText, [behaviorAnnotation]: behaviorText, ...annotations } = object.metadata.annotations ?? {}
  const { targetCPUUtilizationPercentage: cpu, ...spec } = object.spec
  const others = parsed<readonly V1MetricSpec[]>(metricsText, []).map(toNewMetric)
  const metrics: MetricSpec[] = [
    ...(cpu === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpu } } }]),
    ...others,
  ]
  const behavior = parsed<HorizontalPodAutoscaler['spec']['behavior']>(behaviorText, undefined)
  const { currentCPUUtilizationPercentage: _, ...status } = object.status ?? { desiredReplicas: 0 }
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(object.metadata, annotations),
    spec: { ...spec, ...(metrics.length > 0 ? { metrics } : {}), ...(behavior ? { behavior } : {}) },
    status,
  }
}

export const fromV2 = (stored: KubeObject): V1HorizontalPodAutoscaler => {
  const { metadata, spec, status } = stored as HorizontalPodAutoscaler
  const { metrics = [], behavior, ...rest } = spec
  const cpu = metrics.find(isCpuShare)
  const others = metrics.filter((metric) => metric !== cpu).map(toOldMetric)
  const { observedGeneration, lastScaleTime, currentReplicas, desiredReplicas } = status ?? { desiredReplicas: 0 }
  const annotations = {
    ...metadata.annotations,
    ...(others.length > 0 ? { [metricsAnnotation]: JSON.stringify(others) } : {}),
    ...(behavior ? { [behaviorAnnotation]: JSON.stringify(behavior) } : {}),
  }
  return {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata: withAnnotations(metadata, annotations),
    spec: present({ ...rest, targetCPUUtilizationPercentage: cpu?.resource?.target.averageUtilization }) as V1HorizontalPodAutoscaler['spec'],
    status: present({ observedGeneration, lastScaleTime, currentReplicas: currentReplicas ?? 0, desiredReplicas }) as V1HorizontalPodAutoscaler['status'],
  }
}

const withAnnotations = <T extends KubeObject['metadata']>({ annotations: _, ...metadata }: T, annotations: Readonly<Record<string, string>>) =>
  (Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata) as T
