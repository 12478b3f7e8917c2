import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLog } from '../../base/lib/log.ts'
import type { SandboxConfig } from '../runtime/runtime.ts'
import { ipBatch, runCommand, tryCommand } from './ip-command.ts'
import { createPodNetwork, type PodNetwork } from './pod-network.ts'
import { profileNames, setUpProfileNetwork, tearDownProfileNetwork, type ProfileNetwork } from './profile-network.ts'
import { pickRanges } from './ranges.ts'

const allowed = process.getuid?.() === 0 && (await tryCommand(['unshare', '--net', 'true'])) && (await tryCommand(['ip', '-V']))
const hasNft = allowed && (await tryCommand(['unshare', '--net', 'nft', 'list', 'ruleset']))
const profile = `test-${process.pid}`
const names = profileNames(profile)

const config = (name: string): SandboxConfig => ({
  namespace: 'default',
  name,
  uid: name,
  attempt: 0,
  hostname: name,
  hostNetwork: false,
  node: 'node-1',
  logDirectory: '/',
  cgroupParent: '',
  sysctls: {},
})

/** Answers one line to each TCP connection: the address it sees as its caller's. */
const answerServer = (enter: readonly string[], address: string, port: number): ChildProcess => {
  const script = `require('net').createServer(s=>s.end(s.remoteAddress)).listen(${port},'${address}',()=>console.log('up'))`
  return spawn(enter[0]!, [...enter.slice(1), process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
}

const ask = (enter: readonly string[], address: string, port: number): Promise<string> =>
  runCommand([...enter, process.execPath, '-e', `require('net').connect(${port},'${address}').setTimeout(3000,()=>process.exit(3)).pipe(process.stdout)`])

describe.skipIf(!allowed)('profile network (needs root and iproute2)', () => {
  let network: ProfileNetwork
  let pods: PodNetwork
  let ranges: Awaited<ReturnType<typeof pickRanges>>
  let nodeIP: string
  const children: ChildProcess[] = []
  const start = async (child: ChildProcess) => (children.push(child), await once(child.stdout!, 'data'), child)

  beforeAll(async () => {
    ranges = await pickRanges()
    nodeIP = ranges.nodeCIDR.replace('.0/24', '.2')
    network = await setUpProfileNetwork({ profile, ...ranges, nodeIPs: [nodeIP], log: silentLog })
    pods = createPodNetwork({ podCIDR: () => ranges.podCIDR.replace('.0.0/16', '.0.0/24'), enter: network.enter, log: silentLog })
  })

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await tearDownProfileNetwork(profile)
  })

  const sandbox = async (name: string): Promise<{ ip: string; enter: readonly string[]; pid: number }> => {
    const child = await start(spawn('unshare', ['--net', 'sh', '-c', 'echo up; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] }))
    const { ip } = await pods.attach({ id: name, config: config(name), netnsPid: child.pid! })
    return { ip, pid: child.pid!, enter: ['nsenter', `--net=/proc/${child.pid}/ns/net`, '--'] }
  }

  it('joins Pods with one another, with their node and with the host, keeping source addresses', async () => {
    const [a, b] = [await sandbox('a'), await sandbox('b')]
    expect(a.ip).not.toBe(b.ip)
    await start(answerServer(b.enter, '0.0.0.0', 8080))
    expect(await ask(a.enter, b.ip, 8080)).toBe(a.ip)
    expect(await ask(network.enter, b.ip, 8080)).toBe(ranges.podCIDR.replace('.0/16', '.1'))
    expect(await ask([], b.ip, 8080)).toBe(network.hostIP)
    expect(await pods.attach({ id: 'a', config: config('a'), netnsPid: a.pid })).toEqual({ ip: a.ip })
    await pods.detach('b')
    await expect(ask(a.enter, b.ip, 8080)).rejects.toThrow()
  })

  it('lets a process inside bind any Service, load balancer or node address, and host and Pods reach it', async () => {
    const pod = await sandbox('c')
    const addresses = [ranges.serviceCIDR.replace('.0/20', '.10'), ranges.loadBalancerCIDR.replace('.0/24', '.7'), nodeIP]
    for (const address of addresses) {
      await start(answerServer(network.enter, address, 7000))
      expect(await ask([], address, 7000)).toBe(network.hostIP)
      expect(await ask(pod.enter, address, 7000)).toBe(pod.ip)
    }
  })

  it("answers a Pod's datagram from the Service address it was sent to", async () => {
    const pod = await sandbox('d')
    const address = ranges.serviceCIDR.replace('.0/20', '.53')
    const echo = `const s=require('dgram').createSocket('udp4');s.on('message',(m,f)=>s.send(m+' '+f.address,f.port,f.address)).bind(53,'${address}',()=>console.log('up'))`
    await start(spawn(network.enter[0]!, [...network.enter.slice(1), process.execPath, '-e', echo], { stdio: ['ignore', 'pipe', 'inherit'] }))
    const client = `const s=require('dgram').createSocket('udp4');s.on('message',(m,f)=>(console.log(m+' '+f.address),s.close())).send('hi',53,'${address}')`
    expect((await runCommand([...pod.enter, process.execPath, '-e', client])).trim()).toBe(`hi ${pod.ip} ${address}`)
  })

  it.skipIf(!hasNft)("lets Pods reach what lies beyond the machine, with the machine's address (needs nft)", async () => {
    const internet = await start(spawn('unshare', ['--net', 'sh', '-c', 'echo up; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] }))
    const enter = ['nsenter', `--net=/proc/${internet.pid}/ns/net`, '--']
    const link = `kt${process.pid}`
    // 198.51.100.0/24 is for documentation. It knows no way back to a Pod.
    await ipBatch([`link add ${link} type veth peer name eth0 netns ${internet.pid}`, `addr add 198.51.100.1/24 dev ${link}`, `link set ${link} up`])
    await ipBatch(['addr add 198.51.100.2/24 dev eth0', 'link set eth0 up'], enter)
    await start(answerServer(enter, '0.0.0.0', 8080))
    expect(network.egress).toEqual({ masquerade: 'nft' })
    expect(await ask((await sandbox('e')).enter, '198.51.100.2', 8080)).toBe('198.51.100.1')
    expect(await ask(network.enter, '198.51.100.2', 8080)).toBe('198.51.100.1')
    await tryCommand(['ip', 'link', 'del', link])
  })

  it('is re-asserted without loss, and the address of a node that is gone is unreachable', async () => {
    const before = await runCommand(['ip', 'route', 'show', 'dev', names.hostLink])
    await setUpProfileNetwork({ profile, ...ranges, nodeIPs: [nodeIP], log: silentLog })
    expect(await runCommand(['ip', 'route', 'show', 'dev', names.hostLink])).toBe(before)
    await setUpProfileNetwork({ profile, ...ranges, nodeIPs: [], log: silentLog })
    await expect(runCommand([...network.enter, 'ip', 'route', 'get', nodeIP])).rejects.toThrow(/No route to host/)
    await expect(ask([], nodeIP, 7000)).rejects.toThrow(/EHOSTUNREACH/)
    await setUpProfileNetwork({ profile, ...ranges, nodeIPs: [nodeIP], log: silentLog })
    expect(await runCommand([...network.enter, 'ip', 'route', 'get', nodeIP])).toContain(`local ${nodeIP}`)
  })

  it('leaves nothing behind', async () => {
    await tearDownProfileNetwork(profile)
    await tearDownProfileNetwork(profile)
    expect(await runCommand(['ip', 'netns', 'list'])).not.toContain(profile)
    expect(await runCommand(['ip', 'link', 'show'])).not.toContain(names.hostLink)
  })
})
