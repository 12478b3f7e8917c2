import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildWebImage, createSandbox, eventually, isRoot } from './harness.ts'

const hasNft = spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset']).status === 0
const proxies = [
  { proxy: 'nftables', broken: [] },
  { proxy: 'userspace', broken: ['nft'] },
].filter(({ proxy }) => proxy === 'userspace' || hasNft)

/** Two clients a way, each request on a new connection, until SIGTERM; then prints what it counted. */
const loadScript = `
const http = require('http')
const counts = JSON.parse(process.argv[1]).map(({ url, host }) => {
  const count = { answered: 0, failed: [], pods: new Set() }
  const ask = () => {
    const fail = (why) => (count.failed.push(why), setTimeout(ask, 5))
    http.get(url, { agent: false, headers: host ? { host } : {} }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk)).on('error', (e) => fail(e.code)).on('end', () => {
        if (response.statusCode !== 200) return fail(response.statusCode + ' ' + text)
        count.pods.add(JSON.parse(text).pod)
        count.answered++
        setTimeout(ask, 5)
      })
    }).on('error', (e) => fail(e.code))
  }
  ask()
  ask()
  return count
})
process.on('SIGTERM', () => { console.log(JSON.stringify(counts.map((each) => ({ ...each, pods: each.pods.size })))); process.exit() })`

describe.skipIf(!isRoot).each(proxies)('A rollout under load by the $proxy proxy (needs root and kubectl)', ({ broken }) => {
  const sandbox = createSandbox({ broken })
  const { k } = sandbox
  beforeAll(async () => {
    await sandbox.knarr('up')
    await buildWebImage(sandbox)
  })
  afterAll(() => sandbox.remove())

  // The process closes its listener and its connections at SIGTERM, and there is no preStop hook that would hold the signal back.
  it('fails no request through its Service and through its Ingress while a Deployment rolls under load', async () => {
    await sandbox.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: roll}
spec:
  replicas: 3
  selector: {matchLabels: {app: roll}}
  template:
    metadata: {labels: {app: roll}}
    spec:
      containers:
      - name: web
        image: web:dev
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: roll}
spec: {selector: {app: roll}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: roll}
spec: {defaultBackend: {service: {name: roll, port: {number: 80}}}, rules: [{host: roll.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: roll, port: {number: 80}}}}]}}]}
`)
    await k('rollout', 'status', 'deployment/roll', '--timeout=60s')
    const ways = [
      { url: `http://${await k('get', 'service', 'roll', '-o', 'jsonpath={.spec.clusterIP}')}/` },
      { url: `http://127.0.0.1:${sandbox.profile().httpPort}/`, host: 'roll.example.com' },
    ]
    await eventually(
      () => sandbox.run('curl', ['-sS', '-m', '5', '-H', 'Host: roll.example.com', ways[1]!.url]),
      ({ stdout }) => stdout.includes('"pod":"roll-'),
      'the Ingress answers',
    )
    const load = sandbox.start(process.execPath, ['-e', loadScript, JSON.stringify(ways)])
    let text = ''
    load.stdout!.on('data', (chunk: Buffer) => (text += String(chunk)))
    await k('rollout', 'restart', 'deployment/roll')
    await k('rollout', 'status', 'deployment/roll', '--timeout=60s')
    const old = async () => (await k('get', 'pods', '-l', 'app=roll', '-o', 'name')).trim().split('\n')
    await eventually(old, (pods) => pods.length === 3, 'the old Pods are gone')
    load.kill('SIGTERM')
    await once(load, 'close')
    const counts = JSON.parse(text) as { answered: number; failed: string[]; pods: number }[]
    for (const { answered, failed, pods } of counts) {
      expect(failed).toEqual([])
      expect(answered).toBeGreaterThan(50)
      expect(pods).toBeGreaterThan(2)
    }
  })
  it('is held up by a PodDisruptionBudget where it is drained, and goes on when the budget allows it', async () => {
    await k('create', 'pdb', 'roll', '--selector=app=roll', '--min-available=3')
    const allowed = () => k('get', 'pdb', 'roll', '-o', 'jsonpath={.status.expectedPods} {.status.disruptionsAllowed}')
    await eventually(allowed, (text) => text === '3 0', 'the budget is counted')
    const pod = (await k('get', 'pods', '-l', 'app=roll', '-o', 'jsonpath={.items[0].metadata.name}')).trim()
    const node = await k('get', 'pod', pod, '-o', 'jsonpath={.spec.nodeName}')
    const drain = ['drain', node, '--force', '--ignore-daemonsets', '--pod-selector=app=roll']
    await expect(k(...drain, '--timeout=1s')).rejects.toThrow("Cannot evict pod as it would violate the pod's disruption budget.")
    await k('patch', 'pdb', 'roll', '-p', '{"spec":{"minAvailable":1}}')
    await eventually(allowed, (text) => text === '3 2', 'the budget follows')
    expect(await k(...drain, '--timeout=30s')).toContain(`node/${node} drained`)
    await k('rollout', 'status', 'deployment/roll', '--timeout=60s')
  })
})
