import type { Pod } from '../../base/api/generated/types.ts'
import { podLimits, podRequests } from '../../base/api/pod-requests.ts'
import { qosClassOf } from '../../base/api/resources/pod-qos.ts'
import type { SandboxConfig } from '../runtime/runtime.ts'

/** Thousandths of a core as CPU shares: 1024 a core, and 2, the kernel's least, for who asks for nothing. */
export const sharesOf = (milli: number): number => Math.min(262_144, Math.max(2, Math.floor((milli * 1024) / 1000)))

/** Thousandths of a core as microseconds of each period of 100 ms; a millisecond is the kernel's least. */
export const quotaMicrosOf = (milli: number): number => Math.max(1000, milli * 100)

const folders = { Guaranteed: '', Burstable: 'burstable/', BestEffort: 'besteffort/' }

/** The Pod's place in the tree of control groups and what it may take as a whole, as the kubelet's cgroupfs driver has it. */
export const podCgroup = (pod: Pod): Required<Pick<SandboxConfig, 'cgroupParent' | 'resources'>> => {
  const limits = podLimits(pod)
  const [cpuLimit, memoryLimit] = [limits.get('cpu'), limits.get('memory')]
  return {
    cgroupParent: `kubepods/${folders[qosClassOf(pod.spec)]}pod${pod.metadata.uid}`,
    resources: {
      cpuShares: sharesOf(podRequests(pod).get('cpu') ?? 0),
      ...(cpuLimit ? { cpuQuotaMicros: quotaMicrosOf(cpuLimit) } : {}),
      ...(memoryLimit ? { memoryLimitBytes: memoryLimit } : {}),
    },
  }
}
