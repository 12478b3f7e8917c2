import type { Node, Pod, PodCondition } from '../../base/api/generated/types.ts'
import { nodes, pods } from '../../base/api/kinds.ts'
import { prefixOf } from '../../control/apiserver/storage/object-storage.ts'
import type { Entry } from '../../control/store/store.ts'

/**
 * The same entries, where no Pod and no node says that it is ready: of a state that was saved nothing runs. So nobody sends requests, or
 * takes for up what is not, before the kubelets have spoken again. What is changed has new revisions, from `from` on.
 */
export function asStopped(entries: readonly Entry[], from: number): Entry[] {
  const [podPrefix, nodePrefix] = [prefixOf({ kind: pods }), prefixOf({ kind: nodes })]
  let next = from
  const changed = <T>(entry: Entry, change: (object: T) => T | undefined): Entry => {
    const object = change(JSON.parse(Buffer.from(entry.value).toString()) as T)
    return object === undefined ? entry : { ...entry, revision: next++, value: Buffer.from(JSON.stringify(object)) }
  }
  return entries.map((entry) => {
    if (entry.key.startsWith(podPrefix)) return changed(entry, unreadyPod)
    return entry.key.startsWith(nodePrefix) ? changed(entry, silentNode) : entry
  })
}

const readiness = ['Ready', 'ContainersReady']
const isReady = ({ type, status }: PodCondition) => readiness.includes(type) && status === 'True'

function unreadyPod(pod: Pod): Pod | undefined {
  const conditions = pod.status?.conditions ?? []
  if (!conditions.some(isReady)) return undefined
  return {
    ...pod,
    status: {
      ...pod.status,
      conditions: conditions.map((condition) =>
        isReady(condition) ? { ...condition, status: 'False', reason: 'ContainersNotReady', message: 'the cluster was stopped' } : condition,
      ),
      containerStatuses: (pod.status?.containerStatuses ?? []).map((status) => ({ ...status, ready: false })),
    },
  }
}

/** As before its kubelet's first word: a node that is known to be not ready would be tainted, and Pods be evicted from it. */
function silentNode(node: Node): Node | undefined {
  const conditions = node.status?.conditions ?? []
  const others = conditions.filter(({ type }) => type !== 'Ready')
  return others.length === conditions.length ? undefined : { ...node, status: { ...node.status, conditions: others } }
}
