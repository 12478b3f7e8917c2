import { load, open, request } from '../lib/load.mjs'
import { median } from '../lib/cluster.mjs'

const clients = 64
const creations = 6000
const reads = 20_000
const listed = 10_000
const configMaps = '/api/v1/namespaces/default/configmaps'
const pods = '/api/v1/namespaces/default/pods'
// Nobody schedules them, so that only the list is measured.
const pod = (name) => ({ metadata: { name, labels: { app: name } }, spec: { schedulerName: 'nobody', containers: [{ name: 'a', image: 'web:1' }] } })
const perSecond = (count, ms) => Math.round(count / (ms / 1000))

async function listMs(access) {
  const { ask, close } = await open(access)
  const took = []
  for (let index = 0; index < 5; index++) {
    const began = performance.now()
    const { status, body } = await ask(request('GET', pods))
    if (status !== 200 || body.length < listed * 100) throw new Error(`the list answered ${status} with ${body.length} bytes`)
    took.push(performance.now() - began)
  }
  close()
  return took
}

/** Creates, GETs and LISTs through TLS with authorization; the load comes from this process, the server is another. */
export const figure = {
  name: 'api',
  async run(bench) {
    bench.up('--runtime', 'simulated', '--nodes', '1')
    try {
      const access = bench.access()
      const make = (index) => request('POST', configMaps, { metadata: { name: `c${index}` }, data: { a: 'b'.repeat(200) } })
      await load(access, { clients, count: 500, make: (index) => make(index + creations), expect: 201 })
      const createMs = await load(access, { clients, count: creations, make, expect: 201 })
      const one = request('GET', `${configMaps}/c1`)
      await load(access, { clients, count: 2000, make: () => one, expect: 200 })
      const readMs = await load(access, { clients, count: reads, make: () => one, expect: 200 })
      await load(access, { clients, count: listed, make: (index) => request('POST', pods, pod(`p${index}`)), expect: 201 })
      const lists = await listMs(access)
      return [
        { what: `durable creates a second, ${clients} clients`, value: perSecond(creations, createMs), unit: '/s', budget: 3000, isGoodBelow: false },
        { what: `GET a second, ${clients} clients`, value: perSecond(reads, readMs), unit: '/s', budget: 20_000, isGoodBelow: false },
        { what: `LIST of ${listed} Pods, first`, value: lists[0], unit: 'ms', budget: 100, isGoodBelow: true },
        { what: '  and again (median of 4)', value: median(lists.slice(1)), unit: 'ms', budget: 100, isGoodBelow: true },
      ]
    } finally {
      bench.delete()
    }
  },
}
