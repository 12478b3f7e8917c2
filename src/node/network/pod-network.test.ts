import { describe, expect, it } from 'vitest'
import { silentLog } from '../../base/lib/log.ts'
import { masqueradeScript } from './egress.ts'
import { AddressPool, createPodNetwork, podLinkName } from './pod-network.ts'

describe('AddressPool', () => {
  it('gives every usable address once, reuses a released one last, and says when the range is full', () => {
    const pool = new AddressPool('10.244.1.0/29')
    expect([pool.take(), pool.take()]).toEqual(['10.244.1.2', '10.244.1.3'])
    pool.release('10.244.1.2')
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual(['10.244.1.4', '10.244.1.5', '10.244.1.6', '10.244.1.2'])
    expect(() => pool.take()).toThrow('no addresses available in range 10.244.1.0/29')
  })

  it('skips what was adopted', () => {
    const pool = new AddressPool('10.244.1.0/24')
    expect([pool.claim('10.244.1.2'), pool.claim('10.244.2.2')]).toEqual([true, false])
    expect(pool.take()).toBe('10.244.1.3')
  })
})

describe('Pod network', () => {
  it('refuses a Pod while its node has no range', async () => {
    const network = createPodNetwork({ podCIDR: () => undefined, log: silentLog })
    const config = {
      namespace: 'a',
      name: 'b',
      uid: 'u',
      attempt: 0,
      hostname: 'b',
      hostNetwork: false,
      node: 'node-1',
      logDirectory: '/',
      cgroupParent: '',
      sysctls: {},
    }
    await expect(network.attach({ id: 'x', config, netnsPid: 1 })).rejects.toThrow('node node-1 has no Pod range yet (spec.podCIDR)')
  })

  it('keeps link names within the kernel limit of 15 characters', () => {
    expect(podLinkName('a'.repeat(64))).toMatch(/^kp[0-9a-f]{12}$/)
  })

  it('masquerades only what leaves by another link', () => {
    expect(masqueradeScript({ table: 'knarr_x', hostLink: 'kn-x', sources: ['10.244.0.0/16'] })).toContain(
      'ip saddr { 10.244.0.0/16 } oifname != "kn-x" masquerade',
    )
  })
})
