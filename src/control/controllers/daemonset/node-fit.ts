import type { DaemonSet, Node, Pod, Toleration } from '../../../base/api/generated/types.ts'
import { isTolerated, matchesNodeAffinity } from '../../../base/machinery/node-matching.ts'

const taint = (name: string, effect: string): Toleration => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect })

/** What every daemon tolerates: it belongs to its node, in good times and bad. */
export const daemonTolerations = ({ hostNetwork }: Pod['spec']): readonly Toleration[] => [
  taint('not-ready', 'NoExecute'),
  taint('unreachable', 'NoExecute'),
  taint('disk-pressure', 'NoSchedule'),
  taint('memory-pressure', 'NoSchedule'),
  taint('pid-pressure', 'NoSchedule'),
  taint('unschedulable', 'NoSchedule'),
  ...(hostNetwork ? [taint('network-unavailable', 'NoSchedule')] : []),
]

/** Whether a node should run one, and whether one that runs there may stay. */
export const fits = (set: DaemonSet, node: Node): { readonly shouldRun: boolean; readonly mayStay: boolean } => {
  const spec = set.spec.template.spec as Pod['spec']
  if (spec.nodeName !== undefined && spec.nodeName !== node.metadata.name) return { shouldRun: false, mayStay: false }
  if (!matchesNodeAffinity({ spec } as Pod, node)) return { shouldRun: false, mayStay: false }
  const tolerations = [...(spec.tolerations ?? []), ...daemonTolerations(spec)]
  const hostile = (node.spec.taints ?? []).filter((one) => one.effect !== 'PreferNoSchedule' && !isTolerated(one, tolerations))
  const mayStay = hostile.every(({ effect }) => effect !== 'NoExecute')
  return { shouldRun: hostile.length === 0, mayStay }
}
