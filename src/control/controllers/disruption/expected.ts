import type { OwnerReference, Pod, PodDisruptionBudgetSpec } from '../../../base/api/generated/types.ts'
import { apiVersionOf, type Kind } from '../../../base/api/kind.ts'
import { deployments, replicaSets, replicationControllers, statefulSets } from '../../../base/api/kinds.ts'
import { keyOf, type KubeObject } from '../../../base/api/object.ts'
import { controllerOf } from '../../../base/client/owner-ref.ts'
import { resolveIntOrPercent } from '../lib/int-or-percent.ts'

/** The owner that a reference names, while it is that very object. */
export type FindOwner = (ref: OwnerReference, namespace: string) => KubeObject | undefined

export interface Expectation {
  readonly expectedPods: number
  readonly desiredHealthy: number
}

/** The kinds whose `spec.replicas` says how many Pods there should be. */
export const scalableKinds = [replicaSets, deployments, statefulSets, replicationControllers] as const

export const kindOfRef = (ref: OwnerReference): Kind | undefined =>
  (scalableKinds as readonly Kind[]).find((kind) => kind.kind === ref.kind && apiVersionOf(kind) === ref.apiVersion)

/**
 * How many Pods a budget counts on, and how many of them must stay healthy. Percentages and `maxUnavailable` are shares of what the Pods'
 * controllers are scaled to; a plain `minAvailable` needs no controller. Throws upstream's text for Pods of controllers without a scale.
 */
export const expectationOf = (spec: PodDisruptionBudgetSpec, pods: readonly Pod[], find: FindOwner): Expectation => {
  if (spec.maxUnavailable !== undefined) {
    const expectedPods = expectedScale(pods, find)
    return { expectedPods, desiredHealthy: Math.max(0, expectedPods - resolveIntOrPercent(spec.maxUnavailable, expectedPods, 'up')) }
  }
  if (typeof spec.minAvailable === 'string') {
    const expectedPods = expectedScale(pods, find)
    return { expectedPods, desiredHealthy: resolveIntOrPercent(spec.minAvailable, expectedPods, 'up') }
  }
  return { expectedPods: pods.length, desiredHealthy: spec.minAvailable ?? 0 }
}

/** The sum of the scales of the Pods' controllers, each counted once. Pods without a controller count for nothing, as upstream has it. */
const expectedScale = (pods: readonly Pod[], find: FindOwner): number => {
  const scales = new Map<string, number>()
  for (const pod of pods) {
    const ref = controllerOf(pod)
    if (!ref || scales.has(ref.uid)) continue
    const scaled = scaledOwner(ref, pod, find)
    scales.set(ref.uid, scaled)
  }
  return [...scales.values()].reduce((sum, scale) => sum + scale, 0)
}

const scaledOwner = (ref: OwnerReference, pod: Pod, find: FindOwner): number => {
  const kind = kindOfRef(ref)
  if (!kind) throw new Error(scaleless(ref))
  const owner = find(ref, pod.metadata.namespace ?? '')
  if (!owner) throw new Error(`found no controllers for pod "${pod.metadata.name}"`)
  const above = controllerOf(owner)
  const top = above && kindOfRef(above) ? (find(above, pod.metadata.namespace ?? '') ?? owner) : owner
  return (top as { readonly spec?: { readonly replicas?: number } }).spec?.replicas ?? 1
}

const scaleless = ({ apiVersion, kind }: OwnerReference): string => {
  const [group, version] = apiVersion.split('/')
  return `${kind.toLowerCase()}s${version ? `.${group}` : ''} does not implement the scale subresource`
}

export const ownerKey = (ref: OwnerReference, namespace: string): string => keyOf({ metadata: { name: ref.name, namespace } } as KubeObject)
