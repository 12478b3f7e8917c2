import { get } from 'node:https'
import { Resolver } from 'node:dns/promises'
import { median, sleep } from '../lib/cluster.mjs'

const runs = 5
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

const statusOf = (port) =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/livez', rejectUnauthorized: false, agent: false }, (response) => resolve(response.resume().statusCode)).on(
      'error',
      reject,
    )
  })

/** Tries until `probe` answers true; errors count as not yet. */
async function until(probe) {
  for (;;) {
    if (await probe().catch(() => false)) return performance.now()
    await sleep(5)
  }
}

/** How long from the command until the API answers, three nodes are Ready, and an app answers through its Service's DNS name. */
async function boot(bench) {
  const profile = () => JSON.parse(bench.file('profile.json'))
  const began = performance.now()
  const up = bench.begin('up', '--profile', bench.profile)
  const apiMs = (await until(async () => (await statusOf(profile().apiPort)) === 200)) - began
  const first = (await up).stdout
  const upMs = performance.now() - began
  const [, readySeconds] = /ready in ([\d.]+) s/.exec(first) ?? []
  bench.apply(app)
  const resolver = new Resolver({ timeout: 200, tries: 1 })
  resolver.setServers([profile().ranges.serviceCIDR.replace(/\.\d+\/\d+$/, '.10')])
  const appMs =
    (await until(async () => {
      const [address] = await resolver.resolve4('app.default.svc.cluster.local')
      const answer = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(200) })
      return (await answer.text()) === 'ok'
    })) - began
  return { apiMs, upMs, readyMs: Number(readySeconds) * 1000, appMs }
}

export const figure = {
  name: 'boot',
  async run(bench) {
    bench.buildImage()
    const boots = []
    for (let index = 0; index < runs; index++) {
      boots.push(await boot(bench))
      bench.delete()
    }
    const row = (what, key, budget) => ({ what, value: median(boots.map((one) => one[key])) / 1000, unit: 's', budget, isGoodBelow: true })
    return [
      row(`knarr up, command to API answering (median of ${runs})`, 'apiMs', 0.5),
      row('  command to prompt', 'upMs', 1),
      row('  3 nodes Ready', 'readyMs', 1),
      row('  first app answering through Service and DNS', 'appMs', 2),
    ]
  },
}
