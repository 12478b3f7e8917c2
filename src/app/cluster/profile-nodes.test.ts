import { expect, it } from 'vitest'
import { firstNodes, nextWorker, runningNodes } from './profile-nodes.ts'

const ranges = { podCIDR: '10.244.0.0/16', serviceCIDR: '10.96.0.0/20', loadBalancerCIDR: '10.96.128.0/24', nodeCIDR: '10.96.129.0/24' }

it("names the nodes of other profiles with the profile's name in front", () => {
  expect(firstNodes('c1', ranges.nodeCIDR, 2).map(({ name, role }) => `${name} ${role}`)).toEqual([
    'knarr-c1-control-plane control-plane',
    'knarr-c1-worker worker',
  ])
})

it('fills the gap in names and addresses that a deleted node left', () => {
  const nodes = firstNodes('default', ranges.nodeCIDR, 4).filter((node) => node.name !== 'knarr-worker2')
  expect(nextWorker({ name: 'default', ranges, nodes })).toEqual({ name: 'knarr-worker2', address: '10.96.129.13', role: 'worker', stopped: false })
  expect(nextWorker({ name: 'default', ranges, nodes }, 'big')).toMatchObject({ name: 'big', address: '10.96.129.13' })
})

it('has no node left when the range is used up', () => {
  expect(nextWorker({ name: 'default', ranges, nodes: firstNodes('default', ranges.nodeCIDR, 240) })).toBeUndefined()
})

it('leaves out what is switched off', () => {
  const nodes = firstNodes('default', ranges.nodeCIDR, 3).map((node, index) => ({ ...node, stopped: index === 1 }))
  expect(runningNodes({ nodes }).map((node) => node.name)).toEqual(['knarr-control-plane', 'knarr-worker2'])
})
