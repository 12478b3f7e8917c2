import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWebImage, createSandbox, eventually, isRoot } from './harness.ts'

const hasNft = spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0
const proxies = [
  { proxy: 'nftables', broken: [] },
  { proxy: 'userspace', broken: ['nft'] },
].filter(({ proxy }) => proxy === 'userspace' || hasNft)

const pod = (name: string, node: string, spec = '') => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  nodeName: ${node}
  ${spec}
  containers: [{name: web, image: 'web:dev', readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}, ports: [{containerPort: 8080PORT}]}]
---`

describe.skipIf(!isRoot).each(proxies)("Pods in their node's network by the $proxy proxy (needs root and kubectl)", ({ broken }) => {
  const sandbox = createSandbox({ broken })
  const { k } = sandbox
  const nodes = new Map<string, string>()
  const names = ['knarr-control-plane', 'knarr-worker']
  const answerOf = async (args: readonly string[]) =>
    JSON.parse((await sandbox.run('curl', ['-sS', '-m', '5', ...args])).stdout) as { pod: string; client: string }
  interface Reply {
    readonly pod?: string
    readonly client?: string
    readonly failed?: string
  }
  /** One `exec` for all of them: each costs a second of Go and Node. */
  const fromPod = async (name: string, ...urls: readonly string[]): Promise<readonly Reply[]> => {
    const script = `Promise.all(${JSON.stringify(urls)}.map(u => fetch(u).then(r => r.json(), e => ({ failed: e.cause?.code })))).then(r => console.log(JSON.stringify(r)))`
    return JSON.parse(await k('exec', name, '--', 'node', '-e', script)) as readonly Reply[]
  }

  beforeAll(async () => {
    await sandbox.knarr('up')
    await buildWebImage(sandbox)
    const hosts = names.map((node, index) => pod(`host-${index}`, node, 'hostNetwork: true').replace('PORT', ''))
    await sandbox.apply(
      [
        ...hosts,
        pod('plain', 'knarr-worker').replace('PORT', ''),
        pod('mapped', 'knarr-worker').replace('PORT', ', hostPort: 9090'),
        `
apiVersion: v1
kind: Service
metadata: {name: plain}
spec: {type: NodePort, selector: {app: plain}, ports: [{port: 80, targetPort: 8080, nodePort: 30090}]}
---
apiVersion: v1
kind: Service
metadata: {name: host-0}
spec: {selector: {app: host-0}, ports: [{port: 80, targetPort: 8080}]}
`,
      ].join('\n'),
    )
    await k('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
    const text = await k('get', 'nodes', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.status.addresses[0].address}{"\\n"}{end}')
    for (const line of text.trim().split('\n')) nodes.set(line.split(' ')[0]!, line.split(' ')[1]!)
  })
  afterAll(() => sandbox.remove())

  it("has two of them on one port, each at its node's address, for the host and for Pods", async () => {
    const addresses = names.map((node) => nodes.get(node)!)
    for (const [index, ip] of addresses.entries()) {
      expect(await k('get', 'pod', `host-${index}`, '-o', 'jsonpath={.status.podIP} {.status.hostIP}')).toBe(`${ip} ${ip}`)
      expect((await answerOf([`http://${ip}:8080/`])).pod).toBe(names[index])
    }
    const urls = addresses.map((ip) => `http://${ip}:8080/`)
    expect((await fromPod('plain', ...urls)).map(({ pod: answer }) => answer)).toEqual(names)
    expect((await fromPod('host-0', ...urls))[1]).toMatchObject({ pod: names[1], client: addresses[0] })
  })

  it('lets them reach Pods, Services, node ports of their own node, themselves through a Service, and the API', async () => {
    const podIP = await k('get', 'pod', 'plain', '-o', 'jsonpath={.status.podIP}')
    const ip = (service: string) => k('get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}')
    const [plain, host, dns] = [
      await ip('plain'),
      await ip('host-0'),
      await k('-n', 'kube-system', 'get', 'service', 'kube-dns', '-o', 'jsonpath={.spec.clusterIP}'),
    ]
    const nodePorts = [...nodes.values()].map((each) => `http://${each}:30090/`)
    for (const [index, node] of names.entries()) {
      const [direct, itself, ...others] = await fromPod(`host-${index}`, `http://${podIP}:8080/`, `http://${host}/`, `http://${plain}/`, ...nodePorts)
      expect(direct).toMatchObject({ pod: 'plain', client: nodes.get(node) })
      expect(itself?.pod).toBe('knarr-control-plane')
      expect(others.map(({ pod: answer }) => answer)).toEqual(others.map(() => 'plain'))
      const script = `
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
        const resolver = new (require('dns').promises.Resolver)()
        resolver.setServers(['${dns}'])
        const version = fetch('https://' + process.env.KUBERNETES_SERVICE_HOST + '/version').then(r => r.json())
        Promise.all([version, resolver.resolve4('plain.default.svc.cluster.local')]).then(([v, a]) => console.log(v.major, a[0]))`
      expect((await k('exec', `host-${index}`, '--', 'node', '-e', script)).trim()).toBe(`1 ${plain}`)
    }
  })

  it('keeps node ports of every node working for the host and for Pods', async () => {
    const urls = [...nodes.values()].map((ip) => `http://${ip}:30090/`)
    for (const url of urls) expect((await answerOf([url])).pod).toBe('plain')
    expect((await fromPod('mapped', ...urls)).map(({ pod: answer }) => answer)).toEqual(urls.map(() => 'plain'))
  })

  it("serves a hostPort at its node's address, there only, and as long as its Pod is there", async () => {
    const ip = nodes.get('knarr-worker')!
    expect((await answerOf([`http://${ip}:9090/`])).pod).toBe('mapped')
    const [here, elsewhere] = await fromPod('plain', `http://${ip}:9090/`, `http://${nodes.get('knarr-control-plane')}:9090/`)
    expect([here?.pod, elsewhere?.failed]).toEqual(['mapped', 'ECONNREFUSED'])
    await k('delete', 'pod', 'mapped', '--grace-period=1')
    await eventually(
      () => fromPod('plain', `http://${ip}:9090/`),
      ([answer]) => answer?.failed === 'ECONNREFUSED',
      'the port is closed',
    )
  })

  it('keeps all of it, and gives no address twice, when the agent is killed', async () => {
    const before = await k('get', 'pod', 'plain', '-o', 'jsonpath={.status.podIP}')
    process.kill(Number(readFileSync(join(sandbox.home, 'profiles/default/run/agent.pid'), 'utf8')), 'SIGKILL')
    await sandbox.apply(['one', 'two', 'three'].map((name) => pod(name, 'knarr-worker').replace('PORT', '')).join('\n'))
    await k('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
    const addresses = (await k('get', 'pods', '-l', 'app in (plain, one, two, three)', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ')
    expect(addresses).toContain(before)
    expect(new Set(addresses).size).toBe(4)
    expect((await answerOf([`http://${before}:8080/`])).pod).toBe('plain')
    for (const ip of nodes.values()) expect((await answerOf([`http://${ip}:30090/`])).pod).toBe('plain')
    for (const node of names) expect((await answerOf([`http://${nodes.get(node)}:8080/`])).pod).toBe(node)
  })

  it('is silent while its node is stopped, and comes back with it', async () => {
    const ip = nodes.get('knarr-worker')!
    const get = () => sandbox.run('curl', ['-sS', '-m', '1', `http://${ip}:8080/`])
    await sandbox.knarr('node', 'stop', 'knarr-worker')
    expect((await get()).code).not.toBe(0)
    await sandbox.knarr('node', 'start', 'knarr-worker')
    await eventually(get, ({ stdout }) => stdout.includes('"pod":"knarr-worker"'), 'the Pod in the network of its node answers again')
  })

  it('leaves no namespace behind', async () => {
    expect((await sandbox.run('ip', ['netns', 'list'])).stdout).toContain('knarr-default@')
    await sandbox.knarr('down')
    expect((await sandbox.run('ip', ['netns', 'list'])).stdout).not.toContain('knarr-default')
  })
})
