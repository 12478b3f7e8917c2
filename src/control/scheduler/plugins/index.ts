import type { SchedulerPlugin } from '../plugin.ts'
import { interPodAffinity } from './inter-pod-affinity.ts'
import { nodeAffinity } from './node-affinity.ts'
import { nodeName, nodePorts, nodeUnschedulable, taintToleration } from './node-checks.ts'
import { nodeResourcesBalancedAllocation, nodeResourcesFit } from './node-resources.ts'
import { podTopologySpread } from './pod-topology-spread.ts'
import { volumeBinding, volumeRestrictions } from './volume-binding.ts'

/** Every plugin, in the order in which a node is asked; the first refusal stands. */
export const plugins: readonly SchedulerPlugin[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
  volumeRestrictions,
  volumeBinding,
  podTopologySpread,
  interPodAffinity,
  nodeResourcesBalancedAllocation,
]
