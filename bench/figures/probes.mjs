import { readFileSync } from 'node:fs'
import { sleep } from '../lib/cluster.mjs'

const pods = 10
const containersOfPod = 5
const settlingMs = 4_000
const measuredMs = 15_000
const asked = pods * containersOfPod
// With the default period of ten seconds that is what so many Pods ask for.
const shownAs = asked * 10

const web = { metadata: { name: 'web' }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'a', image: 'bench:dev' }] } }
const probed = (index, probe) => ({
  metadata: { name: `probed-${index}`, labels: { bench: 'probed' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: Array.from({ length: containersOfPod }, (_, c) => ({
      name: `c${c}`,
      image: 'bench:dev',
      command: ['sleep', '1000'],
      ...(probe ? { readinessProbe: { ...probe, periodSeconds: 1 } } : {}),
    })),
  },
})
const manifest = (items) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: items.map((item) => ({ apiVersion: 'v1', kind: 'Pod', ...item })) })

/** Ticks of the agent, and of the commands that it ran and that have ended. */
function ticks(bench) {
  const fields = readFileSync(`/proc/${bench.file('run/agent.pid').trim()}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number)
  return fields.slice(11, 15).reduce((sum, value) => sum + value, 0)
}

/** Per cent of a core, with all containers ready. */
async function load(bench, probe) {
  bench.apply(manifest(Array.from({ length: pods }, (_, index) => probed(index, probe))))
  bench.kubectl('wait', 'pods', '-l', 'bench=probed', '--for=condition=Ready', '--timeout=120s')
  await sleep(settlingMs)
  const before = ticks(bench)
  await sleep(measuredMs)
  const share = (ticks(bench) - before) / (measuredMs / 1000)
  bench.kubectl('delete', 'pods', '-l', 'bench=probed', '--now')
  return share
}

/** What the kubelets' own work for probes costs, beyond that of the same Pods without. */
export const figure = {
  name: 'probes',
  async run(bench) {
    bench.buildImage()
    bench.up()
    try {
      bench.apply(manifest([web]))
      bench.kubectl('wait', 'pod/web', '--for=condition=Ready', '--timeout=30s')
      const host = bench.kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.podIP}')
      const without = await load(bench, undefined)
      const kinds = { HTTP: { httpGet: { host, port: 8080 } }, TCP: { tcpSocket: { host, port: 8080 } }, exec: { exec: { command: ['true'] } } }
      const rows = []
      for (const [name, probe] of Object.entries(kinds)) {
        rows.push({ what: `CPU of ${shownAs} Pods probed by ${name} every 10 s, of one core`, value: (await load(bench, probe)) - without, unit: '%' })
      }
      return rows
    } finally {
      bench.delete()
    }
  },
}
