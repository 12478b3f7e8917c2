import { describe, expect, it } from 'vitest'
import type { HorizontalPodAutoscaler, V1HorizontalPodAutoscaler } from '../../generated/types.ts'
import { mutableCopy, type KubeObject } from '../../object.ts'
import { horizontalPodAutoscaler, horizontalPodAutoscalerV1 } from './horizontal-pod-autoscaler.ts'
import { fromV2, toV2 } from './v1-form.ts'

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }
const metadata = { name: 'web', namespace: 'shop' }
const cpu = (averageUtilization: number) => ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } })
const v2 = (spec: object) => ({ kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v2', metadata, spec: { scaleTargetRef, maxReplicas: 3, ...spec } })
const defaulted = (spec: object) => {
  const object = mutableCopy(v2(spec) as unknown as KubeObject) as never
  horizontalPodAutoscaler.defaults(object)
  return object as HorizontalPodAutoscaler
}

describe('a HorizontalPodAutoscaler', () => {
  it('wants one Pod at least and 80 % of CPU where nothing else is said', () => {
    expect(defaulted({}).spec).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics: [cpu(80)] })
    expect(defaulted({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } }).spec.behavior).toMatchObject({
      scaleUp: {
        stabilizationWindowSeconds: 0,
        selectPolicy: 'Max',
        policies: [
          { type: 'Pods', value: 4 },
          { type: 'Percent', value: 100 },
        ],
      },
      scaleDown: { stabilizationWindowSeconds: 60, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
    })
  })

  it.each([
    [{ minReplicas: 0 }, 'spec.minReplicas: Invalid value: 0: must be greater than or equal to 1'],
    [{ minReplicas: 4 }, 'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
    [{ scaleTargetRef: { name: 'web' } }, 'spec.scaleTargetRef.kind: Required value'],
    [{ metrics: [{ type: 'Resource' }] }, 'spec.metrics[0].resource: Required value: must populate information for the given metric source'],
    [{ metrics: [cpu(0)] }, 'spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0'],
  ])('of %j is refused', (spec, fault) => {
    expect(horizontalPodAutoscaler.validate(defaulted(spec)).map(({ field, message }) => `${field}: ${message}`)).toEqual([fault])
  })

  it('is in the words of v1 what kubectl autoscale writes, and comes back with all that v1 has no field for', () => {
    const memory = { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } }
    const target = { type: 'Value', value: '10' }
    const queue = { type: 'External', external: { metric: { name: 'queue', selector: { matchLabels: { a: 'b' } } }, target } }
    const hits = { type: 'Object', object: { describedObject: scaleTargetRef, metric: { name: 'hits' }, target } }
    const stored = defaulted({ metrics: [cpu(50), memory, queue, hits], behavior: { scaleDown: { selectPolicy: 'Disabled' } } })
    const old = fromV2(stored)
    expect(old.spec).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 50 })
    expect(toV2(old).spec).toEqual(stored.spec)
    expect(toV2(old).metadata).toEqual(metadata)
  })

  it('of v1 is defaulted and shown as that of v2', () => {
    const object = { metadata: { ...metadata }, spec: { scaleTargetRef, maxReplicas: 3 } } as never
    horizontalPodAutoscalerV1.defaults(object)
    expect((object as V1HorizontalPodAutoscaler).spec).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 80 })
    expect(horizontalPodAutoscalerV1.cells(object, { now: 0 }).slice(0, 5)).toEqual(['web', 'Deployment/web', 'cpu: <unknown>/80%', '1', 3])
  })
})
