import type { Pod, PodCondition } from '../../../base/api/generated/types.ts'

export const podCondition = (pod: Pod, type: string): PodCondition | undefined => pod.status?.conditions?.find((condition) => condition.type === type)

export const isPodReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True'

export const isPodFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

export const isPodTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined

/** Neither finished nor on its way out. */
export const isPodActive = (pod: Pod): boolean => !isPodFinished(pod) && !isPodTerminating(pod)

/** Ready for `minReadySeconds` on end. */
export const isPodAvailable = (pod: Pod, minReadySeconds: number, nowMs: number): boolean => {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return false
  return minReadySeconds === 0 || (ready.lastTransitionTime !== undefined && Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= nowMs)
}
