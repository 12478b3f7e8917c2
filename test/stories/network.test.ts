import { spawnSync } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWebImage, createSandbox, eventually, isRoot } from './harness.ts'

const hasNft = spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0
const hasDig = spawnSync('dig', ['-v']).error === undefined

const services = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-node}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-lb}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{name: http, port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-sticky}
spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web-edge}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
  - host: shop.example.com
    http: {paths: [{path: /tasks, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`

const proxies = [
  { proxy: 'nftables', broken: [] },
  { proxy: 'userspace', broken: ['nft'] },
].filter(({ proxy }) => proxy === 'userspace' || hasNft)

describe.skipIf(!isRoot).each(proxies)('Services, DNS and Ingress by the $proxy proxy (needs root and kubectl)', ({ proxy, broken }) => {
  const sandbox = createSandbox({ broken })
  const { k } = sandbox
  const curl = async (...args: string[]) => (await sandbox.run('curl', ['-sS', '-m', '5', ...args])).stdout
  /** Each on a connection of its own: `?[1-9]` is curl's own way to repeat. */
  const manyTimes = async (url: string) => (await curl('-H', 'Connection: close', url)).split(/(?<=})(?={)/)
  const podOf = (text: string) => (JSON.parse(text) as { pod: string }).pod
  let client = ''
  let upText = ''
  beforeAll(async () => {
    upText = (await sandbox.knarr('up')).stdout
    await buildWebImage(sandbox)
    await sandbox.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'web:dev', ports: [{name: web, containerPort: 8080}], readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}}]}
`)
    await sandbox.apply(services)
    await k('rollout', 'status', 'deployment/web', '--timeout=60s')
    client = (await k('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n')[0] ?? ''
  })
  afterAll(() => sandbox.remove())

  const inPod = async (script: string) => (await k('exec', client, '--', 'node', '-e', script)).trim()
  const fetchInPod = (url: string) =>
    inPod(`fetch(${JSON.stringify(url)}).then(r => r.text()).then(t => console.log(t), e => console.log('failed', e.cause?.code))`)

  it('says which proxy runs', () => expect(upText).toContain(`, ${proxy} proxy`))

  it('answers on the ClusterIP, from the host and from a Pod, spread over the Pods', async () => {
    const ip = await k('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')
    const pods = new Set<string>()
    for (const answer of await manyTimes(`http://${ip}/?[1-24]`)) pods.add(podOf(answer))
    expect(pods.size).toBe(2)
    expect(podOf(await fetchInPod('http://web/'))).toMatch(/^web-/)
  })

  const clusterIP = (service: string) => k('get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}')

  it("shows a Pod its client's own address, and its own when it calls itself", async () => {
    const source = async (url: string) => JSON.parse(await fetchInPod(url)) as { client: string; pod: string }
    const [podIP, name] = [await k('get', client, '-o', 'jsonpath={.status.podIP}'), client.replace('pod/', '')]
    const seen = new Map<string, string>()
    while (seen.size < 2) {
      const { pod, client: address } = await source('http://web/')
      seen.set(pod === name ? 'itself' : 'another', address)
    }
    // The userspace proxy's own socket is what an endpoint sees.
    expect(seen.get('another') === podIP).toBe(proxy === 'nftables')
    expect(seen.get('itself')).not.toBe(podIP)
  })

  it('keeps a client with one Pod under sessionAffinity, and refuses where there is none', async () => {
    const answers = await manyTimes(`http://${await clusterIP('web-sticky')}/?[1-12]`)
    expect(new Set(answers.map(podOf)).size).toBe(1)
    const refused = await sandbox.run('curl', ['-sS', '-m', '5', `http://${await clusterIP('nobody')}/`])
    expect(refused.stderr).toMatch(/Connection refused|Couldn't connect/)
    expect(await fetchInPod('http://nobody/')).toBe('failed ECONNREFUSED')
  })

  it('says on healthCheckNodePort which nodes have endpoints', async () => {
    const port = await k('get', 'service', 'web-edge', '-o', 'jsonpath={.spec.healthCheckNodePort}')
    const withPods = (await k('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.nodeName}')).split(' ')
    const nodes = await k('get', 'nodes', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.status.addresses[0].address}{"\\n"}{end}')
    for (const [name, ip] of nodes
      .trim()
      .split('\n')
      .map((line) => line.split(' '))) {
      const expected = withPods.filter((each) => each === name).length
      const answer = await curl('-w', ' %{http_code}', `http://${ip}:${port}/`)
      expect(answer).toContain(`"localEndpoints": ${expected}`)
      expect(answer.endsWith(expected > 0 ? ' 200' : ' 503')).toBe(true)
    }
  })

  it('resolves names as the cluster does', async () => {
    const lookup = (name: string) =>
      inPod(
        `require('dns').promises.lookup(${JSON.stringify(name)}, {all: true}).then(r => console.log(r.map(a => a.address).sort().join(' ')), e => console.log(e.code))`,
      )
    const ip = await k('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')
    for (const name of ['web', 'web.default', 'web.default.svc', 'web.default.svc.cluster.local', 'alias']) expect(await lookup(name)).toBe(ip)
    const podIPs = (await k('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ').sort().join(' ')
    expect(await lookup('web-headless')).toBe(podIPs)
    expect(await lookup('nothing.default.svc.cluster.local')).toBe('ENOTFOUND')
    const srv = await inPod(`require('dns').promises.resolveSrv('_http._tcp.web.default.svc.cluster.local').then(r => console.log(JSON.stringify(r)))`)
    expect(JSON.parse(srv)).toMatchObject([{ port: 80, name: 'web.default.svc.cluster.local' }])
  })

  it("answers on a node port of every node, and on the load balancer's address (claim 130)", async () => {
    const nodeIPs = (await k('get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}')).split(' ')
    expect(nodeIPs).toHaveLength(3)
    for (const ip of nodeIPs) expect(podOf(await curl(`http://${ip}:30080/`))).toMatch(/^web-/)
    const ip = await eventually(
      () => k('get', 'service', 'web-lb', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'),
      (text) => text !== '',
      'an address',
    )
    expect(podOf(await curl(`http://${ip}/`))).toMatch(/^web-/)
    expect(await k('get', 'service', 'web-lb')).toMatch(new RegExp(`web-lb +LoadBalancer +\\S+ +${ip.replaceAll('.', '\\.')} +80:3\\d{4}/TCP`))
  })

  it('routes by host and path through the Ingress on localhost', async () => {
    const { httpPort } = sandbox.profile()
    const get = (host: string, path: string) => curl('-H', `Host: ${host}`, `http://127.0.0.1:${httpPort}${path}`)
    await eventually(
      () => get('shop.example.com', '/tasks'),
      (text) => text.includes('"pod"'),
      'the Ingress answers',
    )
    expect(JSON.parse(await get('shop.example.com', '/tasks/1'))).toMatchObject({ path: '/tasks/1', host: 'shop.example.com' })
    expect(await get('shop.example.com', '/tasksfoo')).toContain('404')
    expect(podOf(await curl(`http://shop.localhost:${httpPort}/tasks`))).toMatch(/^web-/)
    await eventually(
      () => k('get', 'ingress', 'shop'),
      (text) => /shop +knarr +shop\.example\.com +\d+\.\d+\.\d+\.\d+ +80/.test(text),
      'its address is shown',
    )
  })

  it("serves wildcards, ExternalName backends without ports, a default backend, and a Secret's certificate by SNI (claim 184)", async () => {
    const folder = join(sandbox.home, '..')
    await sandbox.run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=secure.example.com', '-addext', 'subjectAltName=DNS:secure.example.com'],
      ...['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.crt')],
    ])
    await k('create', 'secret', 'tls', 'secure', `--cert=${join(folder, 'tls.crt')}`, `--key=${join(folder, 'tls.key')}`)
    await sandbox.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: more}
spec:
  tls: [{hosts: [secure.example.com], secretName: secure}]
  defaultBackend: {service: {name: web, port: {name: http}}}
  rules:
  - host: '*.wild.example.com'
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
  - host: secure.example.com
    http: {paths: [{path: /exact, pathType: Exact, backend: {service: {name: alias, port: {number: 80}}}}]}
`)
    const { httpPort, httpsPort } = sandbox.profile()
    const get = (host: string, path: string) => curl('-H', `Host: ${host}`, `http://127.0.0.1:${httpPort}${path}`)
    await eventually(
      () => get('one.wild.example.com', '/'),
      (text) => text.includes('"pod"'),
      'the wildcard host answers',
    )
    expect(await get('elsewhere.example.com', '/any')).toContain('"path":"/any"')
    const secure = (path: string) =>
      curl('--cacert', join(folder, 'tls.crt'), '--resolve', `secure.example.com:${httpsPort}:127.0.0.1`, `https://secure.example.com:${httpsPort}${path}`)
    await eventually(
      () => secure('/exact'),
      (text) => text.includes('"path":"/exact"'),
      'the certificate of the Secret holds',
    )
  })

  it("answers UDP lookups of the host: PTR, and a denial with the zone's SOA", async () => {
    const resolver = new Resolver({ timeout: 2000, tries: 2 })
    const dns = await k('-n', 'kube-system', 'get', 'service', 'kube-dns', '-o', 'jsonpath={.spec.clusterIP}')
    resolver.setServers([dns])
    const ip = await k('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')
    expect(await resolver.reverse(ip)).toEqual(['web.default.svc.cluster.local'])
    await expect(resolver.resolve4('none.default.svc.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(resolver.resolve6('web.default.svc.cluster.local')).rejects.toMatchObject({ code: 'ENODATA' })
  })

  it.skipIf(!hasDig)('answers dig: names that hold an address, EDNS, TCP where UDP is too small, and other types', async () => {
    const dns = await k('-n', 'kube-system', 'get', 'service', 'kube-dns', '-o', 'jsonpath={.spec.clusterIP}')
    const dig = async (...args: string[]) => (await sandbox.run('dig', [`@${dns}`, '+tries=1', '+time=3', ...args])).stdout
    expect(await dig('+short', 'app.10.0.0.1.nip.io')).toBe('10.0.0.1\n')
    expect(await dig('+short', 'www-10-0-0-2.sslip.io')).toBe('10.0.0.2\n')
    expect(await dig('+short', 'app-0a000003.nip.io')).toBe('10.0.0.3\n')
    expect(await dig('+short', '10-1-2-3.default.pod.cluster.local')).toBe('10.1.2.3\n')
    expect(await dig('web.default.svc.cluster.local')).toMatch(
      /flags: qr aa rd[^]*EDNS: version: 0[^]*udp: 1232[^]*ANSWER SECTION:\nweb\.default\.svc\.cluster\.local\.\s+5\s+IN\s+A/,
    )
    expect(await dig('none.default.svc.cluster.local')).toMatch(/NXDOMAIN[^]*AUTHORITY SECTION:\ncluster\.local\.\s+5\s+IN\s+SOA/)
    expect(await dig('+tcp', '+short', 'SRV', '_http._tcp.web.default.svc.cluster.local')).toBe('0 100 80 web.default.svc.cluster.local.\n')
    await sandbox.apply(`
apiVersion: v1
kind: Service
metadata: {name: many}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: many-1, labels: {kubernetes.io/service-name: many}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [${Array.from({ length: 60 }, (_, n) => `{addresses: [10.1.1.${n + 1}], conditions: {ready: true}}`).join(', ')}]
`)
    const name = 'many.default.svc.cluster.local'
    await eventually(
      () => dig('+short', name),
      (text) => text.trim().split('\n').length === 60,
      'all sixty, by EDNS',
    )
    expect(await dig('+noedns', '+ignore', name)).toMatch(/flags: qr aa tc[^]*ANSWER: 0/)
    expect((await dig('+noedns', '+short', name)).trim().split('\n')).toHaveLength(60)
  })

  it('reaches the API from a Pod with its ServiceAccount', async () => {
    const script = `
      const fs = require('fs'); const d = '/var/run/secrets/kubernetes.io/serviceaccount/';
      require('https').get({host: process.env.KUBERNETES_SERVICE_HOST, port: process.env.KUBERNETES_SERVICE_PORT, path: '/api/v1/namespaces/default/pods', ca: fs.readFileSync(d + 'ca.crt'),
        headers: {authorization: 'Bearer ' + fs.readFileSync(d + 'token')}}, r => { let t = ''; r.on('data', c => t += c).on('end', () => console.log(r.statusCode, JSON.parse(t).kind)) })`
    expect(await inPod(script)).toBe('403 Status')
    await k('create', 'rolebinding', 'readers', '--clusterrole=view', '--serviceaccount=default:default')
    expect(await inPod(script)).toBe('200 PodList')
  })
})
