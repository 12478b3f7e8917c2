import { median, percentile } from '../lib/cluster.mjs'
import { open, request, watch } from '../lib/load.mjs'

const watchers = 1000
const writes = 10
const configMaps = '/api/v1/namespaces/default/configmaps'

/** From sending a write to its event at the last of many watchers, each on a connection of its own. */
export const figure = {
  name: 'watch',
  async run(bench) {
    bench.up('--runtime', 'simulated', '--nodes', '1')
    try {
      const access = bench.access()
      const { ask, close } = await open(access)
      await ask(request('POST', configMaps, { metadata: { name: 'first' } }))
      let arrived = () => {}
      const stops = []
      // A stream begins with its first event, so all begin with what is there.
      for (let index = 0; index < watchers; index += 50) {
        const some = Array.from({ length: 50 }, () => watch(access, `${configMaps}?watch=1&resourceVersion=0`, (line) => arrived(line)))
        stops.push(...(await Promise.all(some)))
      }
      const took = []
      for (let index = 0; index < writes; index++) {
        const name = `w${index}`
        let left = watchers
        const all = new Promise((resolve) => (arrived = (line) => line.includes(`"name":"${name}"`) && --left === 0 && resolve()))
        const began = performance.now()
        await ask(request('POST', configMaps, { metadata: { name } }))
        await all
        took.push(performance.now() - began)
      }
      for (const stop of stops) stop()
      close()
      return [
        { what: `watch: write to the last of ${watchers} watchers (median)`, value: median(took), unit: 'ms', budget: 250, isGoodBelow: true },
        { what: '  the slowest', value: percentile(took, 100), unit: 'ms', budget: 250, isGoodBelow: true },
      ]
    } finally {
      bench.delete()
    }
  },
}
