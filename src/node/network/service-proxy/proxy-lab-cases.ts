// A network of its own for tests of proxies: one profile namespace, two nodes, Pods that say who they are and whom they see.
import { build } from 'esbuild'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { silentLog } from '../../../base/lib/log.ts'
import { addressAt, parseCidr } from '../../../base/lib/cidr.ts'
import { tryCommand } from '../ip-command.ts'
import { createPodNetwork, nodeSourceIP } from '../pod-network.ts'
import { setUpProfileNetwork, tearDownProfileNetwork } from '../profile-network.ts'
import { pickRanges } from '../ranges.ts'
import type { Binding, Protocol, ProxyEndpoint, ProxyNode } from './bindings.ts'

export type ProxyName = 'nftables' | 'userspace'

export const canMakeNamespaces = process.getuid?.() === 0 && (await tryCommand(['unshare', '--net', 'true'])) && (await tryCommand(['ip', '-V']))

/** Where a client stands. */
export interface LabClient {
  /** Asks so many times, each on a new connection: the answers, `refused`, `reset` or `silence`. */
  ask(request: Target & { readonly times?: number }): Promise<readonly string[]>
  talk(request: Target): Promise<Conversation>
}

export interface LabPod extends LabClient {
  readonly ip: string
  readonly endpoint: ProxyEndpoint
}

type Target = Pick<Binding, 'address' | 'port'> & { readonly protocol?: Protocol }

/** One client socket that stays open. `say` gives the answer, or `silence`. */
export interface Conversation {
  say(): Promise<string>
  close(): Promise<void>
}

export interface Lab {
  readonly nodes: readonly ProxyNode[]
  /** The host's own address towards the cluster. */
  readonly hostIP: string
  /** The source of each node's own connections, in order. */
  readonly nodeSources: string
  readonly enter: readonly string[]
  readonly host: LabClient
  /** In the profile's own namespace. */
  readonly inside: LabClient
  readonly pods: Readonly<Record<'a' | 'b' | 'c' | 'client', LabPod>>
  /** The n-th Service or load balancer address. */
  service(n: number): string
  balancer(n: number): string
  apply(changes: Readonly<Record<string, readonly Binding[]>>): Promise<void>
  /** Ends the proxy without warning; the next `apply` starts another. */
  killProxy(): Promise<void>
  close(): Promise<void>
}

// One process in each place: it says who it is to whoever asks its port, and asks others when told to by a line of JSON.
const placeScript = `
const net = require('net'), dgram = require('dgram')
const [name, serves] = process.argv.slice(1)
const hello = (address) => name + ' ' + address.replace('::ffff:', '')
const ask = ({ address, port, protocol }) => new Promise(done => {
  const end = (text) => (done(text), clearTimeout(timer), protocol === 'UDP' ? s.close() : s.destroy())
  const timer = setTimeout(() => end('silence'), 600)
  const s = protocol === 'UDP' ? dgram.createSocket('udp4') : net.connect(port, address, () => s.write('?'))
  s.on('error', e => end(e.code === 'ECONNREFUSED' ? 'refused' : 'reset')).on(protocol === 'UDP' ? 'message' : 'data', m => end(String(m)))
  if (protocol === 'UDP') s.connect(port, address, () => s.send('?'))
})
const open = new Map()
const verbs = {
  async ask(request) { const all = []; for (let i = 0; i < request.times; i++) all.push(await ask(request)); return all },
  async open({ key, address, port, protocol }) {
    const s = protocol === 'UDP' ? dgram.createSocket('udp4') : net.connect(port, address)
    const send = () => protocol === 'UDP' ? s.send('?', port, address) : s.write('?')
    s.on('error', () => {})
    open.set(key, { s, send, event: protocol === 'UDP' ? 'message' : 'data' })
  },
  say: ({ key }) => new Promise(done => {
    const { s, send, event } = open.get(key)
    const hear = (m) => (clearTimeout(timer), done(String(m)))
    const timer = setTimeout(() => (s.off(event, hear), done('silence')), 600)
    s.once(event, hear)
    send()
  }),
  async close({ key }) { const { s } = open.get(key); s.destroy ? s.destroy() : s.close() },
}
require('readline').createInterface({ input: process.stdin }).on('line', async line => {
  const request = JSON.parse(line)
  console.log(JSON.stringify(await verbs[request.verb](request) ?? null))
})
if (!serves) console.log('up')
else net.createServer(s => s.on('error', () => {}).on('data', () => s.write(hello(s.remoteAddress)))).listen(8080, '0.0.0.0', () => {
  const udp = dgram.createSocket('udp4')
  udp.on('message', (m, from) => udp.send(hello(from.address), from.port, from.address)).bind(8080, '0.0.0.0', () => console.log('up'))
})`

const proxyScript = `
import { setMaxListeners } from 'node:events'
import { createInterface } from 'node:readline'
import { createNftProxy } from './nft-proxy.ts'
import { createUserspaceProxy } from './userspace-proxy.ts'
import { nodeOfAddress } from './proxy-nodes.ts'
import { systemClock as clock } from '../../../base/lib/clock.ts'
const [kind, nodes, masqueradeAs] = [process.argv[2], JSON.parse(process.argv[3]), process.argv[4]]
const log: any = { warn() {}, error() {} }
const { signal } = new AbortController()
setMaxListeners(0, signal)
const options = { clock, log, signal, nodes: () => nodes, masqueradeAs, nodeOfClient: (ip: string) => nodeOfAddress(nodes, ip) }
const proxy = kind === 'nftables' ? createNftProxy(options) : createUserspaceProxy(options)
createInterface({ input: process.stdin }).on('line', async (line) => {
  proxy.apply(new Map(JSON.parse(line)))
  await proxy.settled()
  setTimeout(() => console.log('done'), kind === 'userspace' ? 20 : 0)
})`

interface Place {
  request(request: object): Promise<unknown>
  readonly child: ChildProcess
}

const startPlace = async (enter: readonly string[], name: string, serves: boolean): Promise<Place> => {
  const argv = [...enter, process.execPath, '-e', placeScript, name, ...(serves ? ['serves'] : [])]
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return {
    child,
    async request(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return JSON.parse(String((await lines.next()).value)) as unknown
    },
  }
}

export const openLab = async (proxyName: ProxyName, profile = `lab-${proxyName}-${process.pid}`): Promise<Lab> => {
  const ranges = await pickRanges()
  const podRange = ranges.podCIDR.replace('.0.0/16', '')
  const nodes = [1, 2].map((n) => ({ name: `n${n}`, ip: ranges.nodeCIDR.replace('.0/24', `.${10 + n}`), podCIDR: `${podRange}.${n}.0/24` }))
  const masqueradeAs = ranges.nodeCIDR.replace('.0/24', '.10')
  const network = await setUpProfileNetwork({ profile, ...ranges, nodeIPs: [masqueradeAs, ...nodes.map(({ ip }) => ip)], log: silentLog })
  const plug = createPodNetwork({ podCIDR: (name) => nodes.find((each) => each.name === name)!.podCIDR, enter: network.enter, log: silentLog })
  const children = new Set<ChildProcess>()
  const track = (child: ChildProcess) => (children.add(child), child)
  const folder = mkdtempSync(join(tmpdir(), 'knarr-lab-'))
  const bundle = join(folder, 'proxy.mjs')
  await build({
    stdin: { contents: proxyScript, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
  })

  const client = async (enter: readonly string[], name: string, serves: boolean): Promise<LabClient> => {
    const place = await startPlace(enter, name, serves)
    track(place.child)
    let key = 0
    return {
      ask: async (request) => (await place.request({ times: 1, ...request, verb: 'ask' })) as readonly string[],
      async talk(request) {
        const own = ++key
        await place.request({ ...request, verb: 'open', key: own })
        return {
          say: async () => String(await place.request({ verb: 'say', key: own })),
          close: async () => void (await place.request({ verb: 'close', key: own })),
        }
      },
    }
  }
  const pod = async (name: string, onNode: string): Promise<LabPod> => {
    const holder = track(spawn('unshare', ['--net', 'sh', '-c', 'echo up; exec sleep 300'], { stdio: ['ignore', 'pipe', 'inherit'] }))
    await once(holder.stdout!, 'data')
    const config = {
      namespace: 'lab',
      name,
      uid: name,
      attempt: 0,
      hostname: name,
      hostNetwork: false,
      node: onNode,
      logDirectory: '/',
      cgroupParent: '',
      sysctls: {},
    }
    const { ip } = await plug.attach({ id: name, config, netnsPid: holder.pid! })
    return { ip, endpoint: { ip, port: 8080, node: onNode }, ...(await client(['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--'], name, true)) }
  }
  const [host, inside] = [await client([], 'host', false), await client(network.enter, 'inside', false)]
  const [a, b, c, other] = await Promise.all([pod('a', 'n1'), pod('b', 'n1'), pod('c', 'n2'), pod('client', 'n2')])

  let proxy: ChildProcess | undefined
  let answers: AsyncIterator<string> | undefined
  const startProxy = () => {
    const argv = [...network.enter, process.execPath, bundle, proxyName, JSON.stringify(nodes), masqueradeAs]
    proxy = track(spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] }))
    answers = createInterface({ input: proxy.stdout! })[Symbol.asyncIterator]()
  }
  return {
    nodes,
    nodeSources: nodes.map(({ podCIDR }) => nodeSourceIP(podCIDR)).join(' '),
    hostIP: network.hostIP,
    enter: network.enter,
    host,
    inside,
    pods: { a, b, c, client: other },
    service: (n) => addressAt(parseCidr(ranges.serviceCIDR), n),
    balancer: (n) => addressAt(parseCidr(ranges.loadBalancerCIDR), n),
    async apply(changes) {
      if (!proxy) startProxy()
      proxy!.stdin!.write(`${JSON.stringify(Object.entries(changes))}\n`)
      await answers!.next()
    },
    async killProxy() {
      const child = proxy
      proxy = undefined
      if (child?.kill('SIGKILL')) await once(child, 'exit')
    },
    async close() {
      for (const child of children) child.kill('SIGKILL')
      await tearDownProfileNetwork(profile)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
