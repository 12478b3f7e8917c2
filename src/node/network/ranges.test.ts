import { describe, expect, it } from 'vitest'
import { addressAt, overlaps, parseCidr } from '../../base/lib/cidr.ts'
import { conflictsOf, defaultCandidates, firstFree, pickRanges, rangesOf } from './ranges.ts'

const taken = (...cidrs: string[]) => cidrs.map((cidr) => ({ cidr, dev: 'eth0' }))

describe('network ranges', () => {
  it('gives the customary ranges on an empty machine', async () => {
    expect(await pickRanges({ taken: taken('127.0.0.0/8', '192.168.1.0/24') })).toEqual({
      podCIDR: '10.244.0.0/16',
      serviceCIDR: '10.96.0.0/20',
      loadBalancerCIDR: '10.96.128.0/24',
      nodeCIDR: '10.96.129.0/24',
    })
  })

  it.each([
    ['another profile', taken('10.244.0.0/16', '10.96.0.0/20'), '10.243.0.0/16'],
    ['one node address of another profile', taken('10.96.129.3'), '10.243.0.0/16'],
    ['a VPN that routes all of 10/8', taken('10.0.0.0/8'), '172.31.0.0/16'],
  ])('steps aside for %s', (_, used, podCIDR) => {
    expect(firstFree(defaultCandidates, used)?.podCIDR).toBe(podCIDR)
  })

  it('says so when nothing is free', async () => {
    await expect(pickRanges({ taken: taken('10.0.0.0/8', '172.16.0.0/12') })).rejects.toThrow('every candidate network range is in use')
  })

  it('has no candidate whose own ranges overlap', () => {
    for (const candidate of defaultCandidates) {
      const ranges = rangesOf(candidate).map(parseCidr)
      expect(ranges.filter((a) => ranges.some((b) => a !== b && overlaps(a, b)))).toEqual([])
    }
  })

  it.each([
    ['the same range elsewhere', '10.244.0.0/16', 'docker0', 1],
    ['a part of it elsewhere', '10.244.3.0/24', 'tun0', 1],
    ['a broader route', '10.0.0.0/8', 'tun0', 0],
    ['its own route', '10.244.0.0/16', 'kn-own', 0],
  ])('judges %s', (_, cidr, dev, conflicts) => {
    expect(conflictsOf(['10.244.0.0/16'], [{ cidr, dev }], 'kn-own')).toHaveLength(conflicts)
  })

  it('counts addresses from both ends', () => {
    expect([addressAt(parseCidr('10.244.3.9/24'), 2), addressAt(parseCidr('10.244.0.0/16'), -3)]).toEqual(['10.244.3.2', '10.244.255.253'])
  })
})
