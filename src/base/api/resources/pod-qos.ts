import type { PodSpec } from '../generated/types.ts'

const counted = ['cpu', 'memory']

const isSet = (amount: string | undefined): amount is string => amount !== undefined && !/^0*(\.0*)?[a-zA-Z]*$/.test(amount)

/** Guaranteed: every container has limits for cpu and memory, and equal requests. BestEffort: none has any. Else Burstable. */
export const qosClassOf = (spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' => {
  const all = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((container) => container.resources ?? {})
  const named = all.flatMap(({ limits, requests }) => counted.flatMap((name) => [limits?.[name], requests?.[name]])).filter(isSet)
  if (named.length === 0) return 'BestEffort'
  const guaranteed = all.every(({ limits, requests }) =>
    counted.every((name) => isSet(limits?.[name]) && (requests?.[name] === undefined || requests[name] === limits![name])),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}
