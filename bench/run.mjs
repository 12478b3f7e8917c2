// `npm run bench -- [--profile NAME] [--idle SECONDS] [--main FILE]`: the budgets of a cluster, measured through the front door.
// A line a figure; nothing here asserts a time.
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve as absolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

const { values: options } = parseArgs({
  options: {
    profile: { type: 'string', default: 'default' },
    idle: { type: 'string', default: '60' },
    main: { type: 'string', default: join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'knarr.js') },
  },
})
const main = absolute(options.main)
const { profile } = options
const base = mkdtempSync(join(tmpdir(), 'knarr-bench-'))
const environment = { ...process.env, KNARR_HOME: join(base, 'data'), KUBECONFIG: join(base, 'kubeconfig') }
const execFileAsync = promisify(execFile)
const run = (file, args, input) => execFileSync(file, args, { env: environment, encoding: 'utf8', input, stdio: ['pipe', 'pipe', 'pipe'] })
const knarr = (...args) => run(process.execPath, [main, ...args])
const kubectl = (...args) => run('kubectl', args)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const line = (name, value, budget) => console.log(`${name.padEnd(52)} ${value.padStart(16)}   budget ${budget}`)
const runs = 5
const idleSeconds = Number(options.idle)
const podCount = 20

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const percentile = (values, p) => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil((values.length * p) / 100) - 1)]
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`

function buildImage() {
  const context = join(base, 'image')
  mkdirSync(context)
  writeFileSync(join(context, 'Dockerfile'), 'FROM knarr.local/host-node\nCOPY s.js /s.js\nCMD ["node", "/s.js"]\n')
  writeFileSync(join(context, 's.js'), "require('node:http').createServer((q, s) => s.end('ok')).listen(8080)\n")
  knarr('image', 'build', context, '-t', 'bench:dev')
}

const app = `
apiVersion: v1
kind: Pod
metadata: {name: app, labels: {app: app}}
spec: {containers: [{name: app, image: 'bench:dev'}]}
---
apiVersion: v1
kind: Service
metadata: {name: app}
spec: {selector: {app: app}, ports: [{port: 80, targetPort: 8080}]}
`

/** When `/livez` first answered, while `up` still works. */
async function firstAnswer() {
  const https = await import('node:https')
  for (;;) {
    try {
      const { apiPort } = JSON.parse(readFileSync(join(environment.KNARR_HOME, `profiles/${profile}/profile.json`), 'utf8'))
      const status = await new Promise((resolve, reject) => {
        const request = https.get({ host: '127.0.0.1', port: apiPort, path: '/livez', rejectUnauthorized: false, agent: false }, (response) =>
          resolve(response.resume().statusCode),
        )
        request.on('error', reject)
      })
      if (status === 200) return performance.now()
    } catch {
      // Not there yet.
    }
    await sleep(5)
  }
}

/** How long from the command until the API answers, three nodes are Ready, and an app answers through its Service's DNS name. */
async function boot() {
  const started = performance.now()
  const up = execFileAsync(process.execPath, [main, 'up', '--profile', profile], { env: environment, encoding: 'utf8' })
  const apiMs = (await firstAnswer()) - started
  const first = (await up).stdout
  const upMs = performance.now() - started
  const [, readySeconds] = /ready in ([\d.]+) s/.exec(first) ?? []
  run('kubectl', ['apply', '-f', '-'], app)
  const { ranges } = JSON.parse(readFileSync(join(environment.KNARR_HOME, `profiles/${profile}/profile.json`), 'utf8'))
  const dns = ranges.serviceCIDR.replace(/\.\d+\/\d+$/, '.10')
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([dns])
  for (;;) {
    try {
      const [address] = await resolver.resolve4('app.default.svc.cluster.local')
      const answer = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(200) })
      if ((await answer.text()) === 'ok') break
    } catch {
      await sleep(5)
    }
  }
  return { apiMs, upMs, readyMs: Number(readySeconds) * 1000, appMs: performance.now() - started }
}

const roleRoots = () =>
  ['server', 'agent'].flatMap((role) => {
    try {
      return [
        Number(readFileSync(join(environment.KNARR_HOME, `profiles/${profile}/run/${role}.pid`), 'utf8')),
        Number(readFileSync(join(environment.KNARR_HOME, `profiles/${profile}/run/${role}.supervisor`), 'utf8')),
      ]
    } catch {
      return []
    }
  })

/** The whole process tree without the containers: [PSS in bytes, CPU ticks]. */
function footprint() {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')
          .map(Number)
        return [{ pid: Number(pid), parent: fields[1], ticks: fields[11] + fields[12] }]
      } catch {
        return []
      }
    })
  const mine = new Set(roleRoots())
  for (let grew = true; grew;) {
    const before = mine.size
    for (const { pid, parent } of stats) if (mine.has(parent)) mine.add(pid)
    grew = mine.size > before
  }
  let pss = 0
  for (const pid of mine) {
    try {
      pss += 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
    } catch {
      // It ended meanwhile.
    }
  }
  return [pss, stats.filter(({ pid }) => mine.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0)]
}

/** Created to Running, by a watch: how long each of a series of Pods took. */
async function podStarts() {
  const { createClient } = { createClient: () => kubectl('config', 'view', '--raw', '-o', 'json') }
  const config = JSON.parse(createClient())
  const https = await import('node:https')
  const decode = (text) => Buffer.from(text, 'base64')
  const [user] = config.users
  const agent = new https.Agent({
    keepAlive: true,
    ca: decode(config.clusters[0].cluster['certificate-authority-data']),
    cert: decode(user.user['client-certificate-data']),
    key: decode(user.user['client-key-data']),
  })
  const server = config.clusters[0].cluster.server
  const call = (method, path, body) =>
    new Promise((resolve, reject) => {
      const request = https.request(`${server}${path}`, { method, agent, headers: { 'content-type': 'application/json' } }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk)).on('end', () => resolve(JSON.parse(text)))
      })
      request.on('error', reject).end(body && JSON.stringify(body))
    })
  const running = new Map()
  const watch = https.request(`${server}/api/v1/namespaces/default/pods?watch=1&labelSelector=bench`, { agent }, (response) => {
    let rest = ''
    response
      .on('data', (chunk) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop()
        for (const text of lines) {
          const { object } = JSON.parse(text)
          if (object.status?.phase === 'Running' && !running.has(object.metadata.name)) running.set(object.metadata.name, performance.now())
        }
      })
      .on('error', () => undefined)
  })
  watch.on('error', () => undefined).end()
  const took = []
  for (let index = 0; index < podCount; index++) {
    const name = `bench-${index}`
    const began = performance.now()
    await call('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { bench: '1' } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'a', image: 'bench:dev' }] },
    })
    const deadline = performance.now() + 20_000
    while (!running.has(name) && performance.now() < deadline) await sleep(1)
    took.push((running.get(name) ?? Infinity) - began)
  }
  watch.destroy()
  agent.destroy()
  return took
}

try {
  buildImage()
  const boots = []
  for (let index = 0; index < runs; index++) {
    boots.push(await boot())
    knarr('delete', '--profile', profile)
  }
  line(`knarr up, command to API answering (median of ${runs})`, seconds(median(boots.map((boot) => boot.apiMs))), '0.5 s')
  line(`knarr up, command to prompt (median of ${runs})`, seconds(median(boots.map((boot) => boot.upMs))), '1.0 s')
  line('  3 nodes Ready', seconds(median(boots.map((boot) => boot.readyMs))), '1.0 s')
  line('  first app answering through Service and DNS', seconds(median(boots.map((boot) => boot.appMs))), '2.0 s')
  knarr('up', '--profile', profile)
  await sleep(10_000)
  const [, ticksBefore] = footprint()
  await sleep(idleSeconds * 1000)
  const [pss, ticksAfter] = footprint()
  line(`idle memory after ${idleSeconds + 10} s (PSS, all processes)`, `${Math.round(pss / 2 ** 20)} MB`, '200 MB')
  line('idle CPU of one core', `${((ticksAfter - ticksBefore) / idleSeconds).toFixed(2)} %`, '1 %')
  const starts = await podStarts()
  line(`Pod start, created to Running, p50 (${podCount} Pods)`, `${Math.round(percentile(starts, 50))} ms`, '100 ms')
  line('Pod start, created to Running, p99', `${Math.round(percentile(starts, 99))} ms`, '300 ms')
} finally {
  knarr('delete', '--all')
  rmSync(base, { recursive: true, force: true })
}
