import { Resolver } from 'node:dns/promises'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWebImage, createSandbox, eventually, isRoot } from './harness.ts'

const app = (name: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: web:dev
        readinessProbe: {exec: {command: [test, '!', -e, /tmp/sick]}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {app: ${name}}, ports: [{name: http, port: 5000, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}-headless, namespace: shop}
spec: {clusterIP: None, selector: {app: ${name}}, ports: [{port: 5000, targetPort: 8080}]}
---
`
const ingress = (name: string, spec: string, namespace = 'shop') => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}
---
`
const path = (where: string, service: string) => `{path: ${where}, pathType: Prefix, backend: {service: {name: ${service}, port: {number: 5000}}}}`

describe.skipIf(!isRoot)('ways to expose an application (needs root and kubectl)', () => {
  const sandbox = createSandbox()
  const { k } = sandbox
  const n = (...args: string[]) => k('-n', 'shop', ...args)
  const curl = async (...args: string[]) => (await sandbox.run('curl', ['-sS', '-m', '5', ...args])).stdout
  const podOf = (text: string) => (JSON.parse(text) as { pod: string }).pod
  const specOf = async (service: string) => JSON.parse(await n('get', 'service', service, '-o', 'jsonpath={.spec}'))
  const readyIPs = async (name: string) => {
    const { items } = JSON.parse(await n('get', 'pods', '-l', `app=${name}`, '-o', 'json')) as {
      items: { metadata: { deletionTimestamp?: string }; status: { podIP?: string; conditions?: { type: string; status: string }[] } }[]
    }
    const isReady = ({ metadata, status }: (typeof items)[number]) =>
      metadata.deletionTimestamp === undefined && status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')
    return items
      .filter(isReady)
      .map(({ status }) => status.podIP ?? '')
      .sort()
  }
  const dns = new Resolver({ timeout: 2000, tries: 2 })
  const lookUp = async (name: string) => (await dns.resolve4(`${name}.shop.svc.cluster.local`).catch(() => [])).sort()
  const address = (kind: string, name: string) =>
    eventually(
      () => n('get', kind, name, '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'),
      (ip) => ip !== '',
      `an address of ${name}`,
    )
  beforeAll(async () => {
    await sandbox.knarr('up')
    await buildWebImage(sandbox)
    await k('create', 'namespace', 'shop')
    await sandbox.apply(app('blue') + app('green'))
    for (const name of ['blue', 'green']) await n('rollout', 'status', `deployment/${name}`, '--timeout=60s')
    dns.setServers([await k('-n', 'kube-system', 'get', 'service', 'kube-dns', '-o', 'jsonpath={.spec.clusterIP}')])
  })
  afterAll(() => sandbox.remove())

  it('gives a Service without a type one cluster IP, which is kept and names whatever Pods there are (claims 159, 161, 163, 176, 181)', async () => {
    const { type, clusterIP, ports } = await specOf('blue')
    expect({ type, port: ports[0].port, targetPort: ports[0].targetPort }).toEqual({ type: 'ClusterIP', port: 5000, targetPort: 8080 })
    expect(await lookUp('blue')).toEqual([clusterIP])
    const before = await readyIPs('blue')
    await n('rollout', 'restart', 'deployment/blue')
    await n('rollout', 'status', 'deployment/blue', '--timeout=60s')
    expect((await readyIPs('blue')).filter((ip) => before.includes(ip))).toEqual([])
    expect((await specOf('blue')).clusterIP).toBe(clusterIP)
    const seen = new Set<string>()
    await eventually(
      async () => seen.add(podOf(await curl(`http://${clusterIP}:5000/`))).size,
      (count) => count === 2,
      'both new Pods answer',
    )
    expect([...seen].sort()).toEqual(
      (await n('get', 'pods', '-l', 'app=blue', '--field-selector=status.phase=Running', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ').sort(),
    )
  })

  it('lists a headless Service without an IP, and names its ready Pods, one answer each (claims 174, 175)', async () => {
    expect(await n('get', 'service', 'blue-headless')).toMatch(/blue-headless +ClusterIP +None +<none> +5000\/TCP /)
    const ready = await readyIPs('blue')
    expect(ready).toHaveLength(2)
    await eventually(
      () => lookUp('blue-headless'),
      (ips) => ips.join() === ready.join(),
      'both Pods',
    )
  })

  it('gives Pods that are not ready neither traffic nor a name (claims 172, 175)', async () => {
    const [sick = ''] = (await n('get', 'pods', '-l', 'app=green', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ')
    const { clusterIP } = await specOf('green')
    await n('exec', sick, '--', 'touch', '/tmp/sick')
    const ips = await eventually(
      () => lookUp('green-headless'),
      (all) => all.length === 1,
      'one name is left',
    )
    expect(ips).toEqual(await readyIPs('green'))
    for (let i = 0; i < 6; i++) expect(podOf(await curl(`http://${clusterIP}:5000/`))).not.toBe(sick)
    await n('exec', sick, '--', 'rm', '/tmp/sick')
    await eventually(
      () => lookUp('green-headless'),
      (all) => all.length === 2,
      'both are back',
    )
  })

  it('answers by the full name from another namespace, in a Pod that kubectl run made, and not outside the cluster (claims 177, 178)', async () => {
    await k('run', 'tmp01', '--image=web:dev', '--image-pull-policy=IfNotPresent', '--', 'sleep', 'infinity')
    await k('wait', 'pod/tmp01', '--for=condition=Ready', '--timeout=30s')
    const ask = (host: string) => `fetch('http://${host}:5000/').then((r) => r.json()).then((a) => console.log(a.pod), (e) => console.log(e.cause.code))`
    expect((await k('exec', 'tmp01', '--', 'node', '-e', ask('blue.shop.svc.cluster.local'))).trim()).toMatch(/^blue-/)
    expect((await k('exec', 'tmp01', '--', 'node', '-e', ask('blue.default.svc.cluster.local'))).trim()).toBe('ENOTFOUND')
    expect(await curl('-m', '2', 'http://blue.shop.svc.cluster.local:5000/')).toBe('')
    await k('delete', 'pod', 'tmp01', '--grace-period=1')
  })

  it('takes node ports from 30000 to 32767 and answers there on every node, wherever the Pod is (claims 165, 166, 167, 168)', async () => {
    const service = (port: number) =>
      sandbox.run(
        'kubectl',
        ['apply', '-f', '-'],
        `{"apiVersion":"v1","kind":"Service","metadata":{"name":"np-${port}","namespace":"shop"},"spec":{"type":"NodePort","selector":{"app":"blue"},"ports":[{"port":5000,"targetPort":8080,"nodePort":${port}}]}}`,
      )
    expect((await service(30000)).stdout).toBe('service/np-30000 created\n')
    for (const port of [29999, 32768])
      expect((await service(port)).stderr).toContain(`Invalid value: ${port}: provided port is not in the valid range. The range of valid ports is 30000-32767`)
    await n('scale', 'deployment/blue', '--replicas=1')
    const external = (await k('get', 'nodes', '-o', 'wide', '--no-headers'))
      .trim()
      .split('\n')
      .map((row) => row.split(/\s+/)[6] ?? '')
    expect(external).toHaveLength(3)
    for (const ip of external)
      await eventually(
        () => curl(`http://${ip}:30000/`),
        (text) => text.includes('blue-'),
        `it answers on ${ip}`,
      )
    await n('scale', 'deployment/blue', '--replicas=2')
    await n('rollout', 'status', 'deployment/blue', '--timeout=30s')
  })

  it('spreads what comes to a load balancer, whose address appears on the Service, and delete -f removes it (claims 169, 170, 171, 196)', async () => {
    const file = join(dirname(sandbox.kubeconfig), 'lb.yaml')
    writeFileSync(
      file,
      'apiVersion: v1\nkind: Service\nmetadata: {name: lb, namespace: shop}\nspec: {type: LoadBalancer, selector: {app: blue}, ports: [{port: 5000, targetPort: 8080}]}\n',
    )
    await k('apply', '-f', file)
    const ip = await address('service', 'lb')
    expect((await n('get', 'svc', 'lb', '--no-headers')).split(/\s+/)[3]).toBe(ip)
    const seen = new Set<string>()
    await eventually(
      async () => seen.add(podOf(await curl(`http://${ip}:5000/`))).size,
      (count) => count === 2,
      'both Pods answer',
    )
    expect(await k('delete', '-f', file)).toMatch(/^service "lb" deleted/)
    expect((await sandbox.kubectl('-n', 'shop', 'get', 'svc', 'lb')).stderr).toContain('services "lb" not found')
    await eventually(
      () => curl(`http://${ip}:5000/`),
      (text) => text === '',
      'its address answers no more',
    )
  })

  it('leads paths of one host to two Services behind one address, below a prefix only (claims 160, 182, 183, 189, 190, 195)', async () => {
    await sandbox.apply(
      ingress('both', `{ingressClassName: nginx, rules: [{host: shop.example.com, http: {paths: [${path('/blue', 'blue')}, ${path('/green', 'green')}]}}]}`),
    )
    const ip = await address('ingress', 'both')
    const get = (where: string) => curl('-H', 'Host: shop.example.com', `http://${ip}${where}`)
    await eventually(
      () => get('/blue'),
      (text) => text.includes('blue-'),
      'the Ingress answers',
    )
    expect(podOf(await get('/green'))).toMatch(/^green-/)
    expect(podOf(await get('/blue/deeper'))).toMatch(/^blue-/)
    expect(await get('/bluefoo')).toContain('404')
    expect(await curl('-H', 'Host: other.example.com', `http://${ip}/blue`)).toContain('404')
    expect(await n('get', 'ingress', 'both')).toMatch(new RegExp(`both +nginx +shop\\.example\\.com +${ip.replaceAll('.', '\\.')} +80 `))
  })

  it('does nothing for a class that has no controller (claims 186, 191)', async () => {
    await sandbox.apply(ingress('orphan', `{ingressClassName: nobody, rules: [{host: orphan.example.com, http: {paths: [${path('/', 'blue')}]}}]}`))
    await sandbox.apply(ingress('later', `{ingressClassName: nginx, rules: [{host: later.example.com, http: {paths: [${path('/', 'blue')}]}}]}`))
    const ip = await address('ingress', 'later')
    await eventually(
      () => curl('-H', 'Host: later.example.com', `http://${ip}/`),
      (text) => text.includes('blue-'),
      'one that came later is served',
    )
    expect(await n('get', 'ingress', 'orphan', '-o', 'jsonpath={.status.loadBalancer}')).toBe('{}')
    expect(await curl('-H', 'Host: orphan.example.com', `http://${ip}/`)).toContain('404')
  })

  it('answers for a host with an address in its name, so that no domain is needed (claims 100, 194)', async () => {
    const ip = await address('ingress', 'both')
    for (const domain of ['nip.io', 'sslip.io']) {
      const host = `shop-${domain.replace('.', '-')}.${ip}.${domain}`
      expect(await dns.resolve4(host)).toEqual([ip])
      await sandbox.apply(ingress(domain.replace('.', '-'), `{ingressClassName: nginx, rules: [{host: ${host}, http: {paths: [${path('/', 'blue')}]}}]}`))
      await eventually(
        () => curl('--resolve', `${host}:80:${ip}`, `http://${host}/`),
        (text) => text.includes('blue-'),
        `${host} answers`,
      )
    }
  })

  it('names Services of its own namespace only, and another by an ExternalName without ports (claims 145, 192, 193)', async () => {
    await sandbox.apply(
      `apiVersion: v1\nkind: Service\nmetadata: {name: blue-elsewhere}\nspec: {type: ExternalName, externalName: blue.shop.svc.cluster.local}\n`,
    )
    const rules = `{ingressClassName: nginx, rules: [{host: far.example.com, http: {paths: [${path('/direct', 'blue')}, ${path('/named', 'blue-elsewhere')}]}}]}`
    await sandbox.apply(ingress('far', rules).replace(', namespace: shop', ''))
    const ip = await eventually(
      () => k('-n', 'default', 'get', 'ingress', 'far', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'),
      (text) => text !== '',
      'an address',
    )
    const get = (where: string) => curl('-H', 'Host: far.example.com', `http://${ip}${where}`)
    await eventually(
      () => get('/named'),
      (text) => text.includes('blue-'),
      'the other namespace is reached',
    )
    expect(await get('/direct')).toContain('503')
  })

  it('sends a Service without a selector to Endpoints made by hand: by address, by name and through an Ingress', async () => {
    const [ip = ''] = await readyIPs('blue')
    const byHand = (name: string, spec: string) =>
      `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}\n---\n` +
      `apiVersion: v1\nkind: Endpoints\nmetadata: {name: ${name}, namespace: shop}\nsubsets: [{addresses: [{ip: ${ip}}], ports: [{port: 8080}]}]\n---\n`
    const rules = `{ingressClassName: nginx, rules: [{host: hand.example.com, http: {paths: [${path('/', 'hand')}]}}]}`
    await sandbox.apply(
      byHand('hand', '{ports: [{port: 5000}]}') + byHand('hand-headless', '{clusterIP: None, ports: [{port: 5000}]}') + ingress('hand', rules),
    )
    const answers = (...args: string[]) =>
      eventually(
        () => curl(...args),
        (text) => text.includes('"pod":"blue-'),
        'the Pod answers',
      )
    await answers(`http://${(await specOf('hand')).clusterIP}:5000/`)
    await answers('-H', 'Host: hand.example.com', `http://${await address('ingress', 'hand')}/`)
    expect(await lookUp('hand-headless')).toEqual([ip])
    await n('delete', 'endpoints', 'hand-headless')
    await eventually(
      () => lookUp('hand-headless'),
      (found) => found.length === 0,
      'the name has no address any more',
    )
  })
})
