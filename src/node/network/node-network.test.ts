import { describe, expect, it } from 'vitest'
import { silentLog } from '../../base/lib/log.ts'
import type { SandboxConfig } from '../runtime/runtime.ts'
import { HostPorts } from './host-ports.ts'
import { createNodeNetwork, nodeRules } from './node-network.ts'

describe('node network', () => {
  it('leaves node ports and its own ports of the address to the profile, and says so before it gives the rest away', () => {
    expect(nodeRules({ ip: '10.96.129.11', ownPorts: [6443] })).toEqual([
      'rule add pref 10 to 10.96.129.11 ipproto tcp dport 30000-32767 lookup 2011',
      'rule add pref 10 to 10.96.129.11 ipproto udp dport 30000-32767 lookup 2011',
      'rule add pref 11 to 10.96.129.11 ipproto tcp dport 6443 lookup 2011',
      'rule add pref 20 to 10.96.129.11 lookup 1011',
    ])
  })

  it('refuses a node that is not of this profile', async () => {
    const network = createNodeNetwork({ profile: 'p', nodeIP: () => undefined, podCIDR: () => undefined, ownPorts: () => [], log: silentLog })
    await expect(network.of('elsewhere')).rejects.toThrow('node elsewhere has no address')
  })
})

describe('HostPorts', () => {
  const config = (hostIP: string | undefined): SandboxConfig => ({
    namespace: 'shop',
    name: 'web',
    uid: 'u',
    attempt: 0,
    hostname: 'web',
    hostNetwork: false,
    node: 'n1',
    logDirectory: '/',
    cgroupParent: '',
    sysctls: {},
    portMappings: [{ protocol: 'TCP', containerPort: 80, hostPort: 8080, ...(hostIP === undefined ? {} : { hostIP }) }],
  })

  it.each([
    [undefined, ['10.96.129.11:8080']],
    ['0.0.0.0', ['10.96.129.11:8080']],
    ['10.96.129.11', ['10.96.129.11:8080']],
    ['127.0.0.1', []],
  ])('with hostIP %s answers at %j', (hostIP, expected) => {
    const ports = new HostPorts({ nodeIP: () => '10.96.129.11' })
    const woken: string[] = []
    ports.onChange((key) => woken.push(key))
    ports.set('s1', config(hostIP), '10.244.0.2')
    expect(ports.get('sandbox:s1').map(({ address, port }) => `${address}:${port}`)).toEqual(expected)
    ports.delete('s1')
    expect(ports.keys()).toEqual([])
    expect(woken).toHaveLength(2 * expected.length)
  })
})
