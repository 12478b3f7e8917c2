import type { Resources, SandboxConfig } from '../../runtime.ts'

/**
 * The weights of the groups between the root and the Pods, as the kubelet keeps them: all Burstable Pods together weigh what they
 * ask for, all BestEffort Pods next to nothing, and a Guaranteed Pod stands beside both.
 *
 *     kubepods
 *     ├ pod<uid>               Guaranteed
 *     ├ burstable              the sum of its Pods
 *     │ └ pod<uid>
 *     └ besteffort             2
 *       └ pod<uid>
 */
export function levelResources(pods: readonly Pick<SandboxConfig, 'cgroupParent' | 'resources'>[]): ReadonlyMap<string, Resources> {
  const levels = new Map<string, Resources>()
  const burstable = pods.filter(({ cgroupParent }) => cgroupParent.startsWith('kubepods/burstable/'))
  if (burstable.length > 0) levels.set('kubepods/burstable', { cpuShares: sumOfShares(burstable) })
  if (pods.some(({ cgroupParent }) => cgroupParent.startsWith('kubepods/besteffort/'))) levels.set('kubepods/besteffort', { cpuShares: leastShares })
  return levels
}

const leastShares = 2

const sumOfShares = (pods: readonly Pick<SandboxConfig, 'resources'>[]) =>
  Math.max(
    leastShares,
    pods.reduce((sum, { resources }) => sum + (resources?.cpuShares ?? leastShares), 0),
  )
