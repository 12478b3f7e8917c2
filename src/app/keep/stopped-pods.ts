import type { Pod, PodCondition } from '../../base/api/generated/types.ts'
import { pods } from '../../base/api/kinds.ts'
import { prefixOf } from '../../control/apiserver/storage/object-storage.ts'
import type { Entry } from '../../control/store/store.ts'

/**
 * The same entries, where no Pod says that it is ready: in a state that was saved none of its containers runs. So nobody sends it
 * requests, or waits for it in vain, before its kubelet has started it again. What is changed has new revisions, from `from` on.
 */
export function withoutReadyPods(entries: readonly Entry[], from: number): Entry[] {
  const prefix = prefixOf({ kind: pods })
  let next = from
  return entries.map((entry) => {
    if (!entry.key.startsWith(prefix)) return entry
    const pod = JSON.parse(Buffer.from(entry.value).toString()) as Pod
    if (!(pod.status?.conditions ?? []).some(isReady)) return entry
    return { ...entry, revision: next++, value: Buffer.from(JSON.stringify(unready(pod))) }
  })
}

const readiness = ['Ready', 'ContainersReady']
const isReady = ({ type, status }: PodCondition) => readiness.includes(type) && status === 'True'

const unready = (pod: Pod): Pod => ({
  ...pod,
  status: {
    ...pod.status,
    conditions: (pod.status?.conditions ?? []).map((condition) =>
      isReady(condition) ? { ...condition, status: 'False', reason: 'ContainersNotReady', message: 'the cluster was stopped' } : condition,
    ),
    containerStatuses: (pod.status?.containerStatuses ?? []).map((status) => ({ ...status, ready: false })),
  },
})
