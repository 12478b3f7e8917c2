import { expect, it } from 'vitest'
import { levelResources } from './levels.ts'

it('lets all Burstable Pods together weigh what they ask for, and all BestEffort Pods next to nothing', () => {
  const levels = levelResources([
    { cgroupParent: 'kubepods/pod1', resources: { cpuShares: 4096 } },
    { cgroupParent: 'kubepods/burstable/pod2', resources: { cpuShares: 102 } },
    { cgroupParent: 'kubepods/burstable/pod3', resources: { cpuShares: 1024 } },
    { cgroupParent: 'kubepods/besteffort/pod4', resources: { cpuShares: 2 } },
    { cgroupParent: 'kubepods/besteffort/pod5', resources: { cpuShares: 2 } },
  ])
  expect([...levels]).toEqual([
    ['kubepods/burstable', { cpuShares: 1126 }],
    ['kubepods/besteffort', { cpuShares: 2 }],
  ])
})
