import { describe, expect, it } from 'vitest'
import type { Pod, ResourceRequirements } from '../../base/api/generated/types.ts'
import { podCgroup } from './pod-cgroup.ts'

const pod = (containers: readonly ResourceRequirements[], more: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', uid: '1' } as Pod['metadata'],
  spec: { containers: containers.map((resources, index) => ({ name: `c${index}`, resources })), ...more } as Pod['spec'],
  status: {},
})
const both = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } })

describe("a Pod's control group", () => {
  it.each<[string, Pod, object]>([
    [
      'that is Guaranteed stands at the top, with the sums of its containers',
      pod([both('250m', '64Mi'), both('1', '1Gi')]),
      { cgroupParent: 'kubepods/pod1', resources: { cpuShares: 1280, cpuQuotaMicros: 125_000, memoryLimitBytes: 1_140_850_688 } },
    ],
    [
      'that is Burstable is limited in what each of its containers limits',
      pod([
        { requests: { cpu: '100m' }, limits: { memory: '10Mi', cpu: '1' } },
        { limits: { memory: '10Mi' }, requests: { memory: '10Mi' } },
      ]),
      { cgroupParent: 'kubepods/burstable/pod1', resources: { cpuShares: 102, memoryLimitBytes: 20 * 2 ** 20 } },
    ],
    [
      'counts the greediest init container where that is more',
      pod([both('100m', '10Mi')], { initContainers: [{ name: 'init', resources: both('2', '5Mi') }] }),
      { cgroupParent: 'kubepods/pod1', resources: { cpuShares: 2048, cpuQuotaMicros: 200_000, memoryLimitBytes: 10 * 2 ** 20 } },
    ],
    [
      'takes what the Pod says for itself',
      pod([{ requests: { cpu: '1m' } }], { resources: { requests: { cpu: '2' }, limits: { cpu: '3', memory: '1Gi' } } }),
      { cgroupParent: 'kubepods/burstable/pod1', resources: { cpuShares: 2048, cpuQuotaMicros: 300_000, memoryLimitBytes: 2 ** 30 } },
    ],
    ['that is BestEffort has next to no weight and no limit', pod([{}, {}]), { cgroupParent: 'kubepods/besteffort/pod1', resources: { cpuShares: 2 } }],
    [
      'has at least a millisecond of each period',
      pod([{ limits: { cpu: '1m' }, requests: { cpu: '1m' } }]),
      { cgroupParent: 'kubepods/burstable/pod1', resources: { cpuShares: 2, cpuQuotaMicros: 1000 } },
    ],
  ])('%s', (_, given, expected) => {
    expect(podCgroup(given)).toEqual(expected)
  })
})
