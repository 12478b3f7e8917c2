import { maxScore, type Refusal, type SchedulerPlugin } from '../plugin.ts'
import type { NodeInfo, PodInfo } from '../snapshot.ts'

const scored = ['cpu', 'memory'] as const

const shortage = (pod: PodInfo, node: NodeInfo): Refusal | undefined => {
  const reasons: string[] = []
  let unresolvable = false
  if (node.pods.size + 1 > (node.allocatable.get('pods') ?? 0)) reasons.push('Too many pods')
  for (const [resource, wanted] of pod.requests) {
    const capacity = node.allocatable.get(resource) ?? 0
    if (wanted === 0 || wanted <= capacity - (node.requested.get(resource) ?? 0)) continue
    reasons.push(`Insufficient ${resource}`)
    if (wanted > capacity) unresolvable = true
  }
  return reasons.length > 0 ? { reasons, unresolvable } : undefined
}

/** LeastAllocated: the emptier a node stays, the better. */
const leastAllocated = (pod: PodInfo, node: NodeInfo): number => {
  let sum = 0
  let resources = 0
  for (const resource of scored) {
    const capacity = node.allocatable.get(resource) ?? 0
    if (capacity === 0) continue
    const used = (node.scoringRequested.get(resource) ?? 0) + (pod.scoringRequests.get(resource) ?? 0)
    sum += used > capacity ? 0 : Math.floor(((capacity - used) * maxScore) / capacity)
    resources++
  }
  return resources === 0 ? 0 : Math.floor(sum / resources)
}

export const nodeResourcesFit: SchedulerPlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  filter: (pod) => (node) => shortage(pod, node),
  score: (pod) => ({ of: (node) => leastAllocated(pod, node) }),
}

const share = (resource: string, pod: PodInfo, node: NodeInfo): number | undefined => {
  const capacity = node.allocatable.get(resource) ?? 0
  const used = (node.requested.get(resource) ?? 0) + (pod.requests.get(resource) ?? 0)
  return capacity === 0 ? undefined : Math.min(1, used / capacity)
}

/** The nearer the used shares of CPU and memory are to each other, the better. */
const balance = (pod: PodInfo, node: NodeInfo): number => {
  const [cpu, memory] = [share('cpu', pod, node), share('memory', pod, node)]
  const deviation = cpu === undefined || memory === undefined ? 0 : Math.abs(cpu - memory) / 2
  return Math.floor((1 - deviation) * maxScore)
}

export const nodeResourcesBalancedAllocation: SchedulerPlugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  score: (pod) => (scored.some((resource) => pod.requests.get(resource)) ? { of: (node) => balance(pod, node) } : undefined),
}
