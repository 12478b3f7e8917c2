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

  it('fails no request while a Deployment rolls under load, through its Service and through its Ingress', async () => {
    await sandbox.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: roll}
spec:
  replicas: 2
  selector: {matchLabels: {app: roll}}
  template:
    metadata: {labels: {app: roll}}
    spec:
      containers:
      - name: web
        image: web:dev
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
        # As upstream needs it: the endpoint is taken out while the process still answers.
        lifecycle: {preStop: {exec: {command: [sleep, '1']}}}
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
    await eventually(old, (pods) => pods.length === 2, 'the old Pods are gone')
    load.kill('SIGTERM')
    await once(load, 'close')
    const counts = JSON.parse(text) as { answered: number; failed: string[]; pods: number }[]
    for (const { answered, failed, pods } of counts) {
      expect(failed).toEqual([])
      expect(answered).toBeGreaterThan(50)
      expect(pods).toBeGreaterThan(2)
    }
  })
})
