import type { Pod } from '../../base/api/generated/types.ts'
import { parseQuantity } from './quantity.ts'

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

/** By upstream's rules: cpu and memory of every container, init containers included. */
export const qosClassOf = (pod: Pod): QosClass => {
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map((container) => container.resources ?? {})
  const isSet = (value: string | undefined) => value !== undefined && parseQuantity(value) > 0
  const names = ['cpu', 'memory']
  if (all.every(({ limits, requests }) => names.every((name) => !isSet(limits?.[name]) && !isSet(requests?.[name])))) return 'BestEffort'
  const guaranteed = all.every(({ limits, requests }) =>
    names.every((name) => isSet(limits?.[name]) && parseQuantity(requests?.[name] ?? limits?.[name] ?? '0') === parseQuantity(limits?.[name] ?? '0')),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}
