import { percentile, sleep } from '../lib/cluster.mjs'
import { open, request, watch } from '../lib/load.mjs'

const count = 20
const patienceMs = 20_000
const pods = '/api/v1/namespaces/default/pods'

/** Created to Running, by a watch: how long each of a series of Pods took. */
async function starts(bench) {
  const access = bench.access()
  const running = new Map()
  const stop = await watch(access, `${pods}?watch=1&labelSelector=bench`, (line) => {
    const { object } = JSON.parse(line)
    if (object.status?.phase === 'Running' && !running.has(object.metadata.name)) running.set(object.metadata.name, performance.now())
  })
  const { ask, close } = await open(access)
  const took = []
  for (let index = 0; index < count; index++) {
    const name = `bench-${index}`
    const began = performance.now()
    const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'a', image: 'bench:dev' }] }
    await ask(request('POST', pods, { metadata: { name, labels: { bench: '1' } }, spec }))
    while (!running.has(name) && performance.now() - began < patienceMs) await sleep(1)
    took.push((running.get(name) ?? Infinity) - began)
  }
  stop()
  close()
  return took
}

export const figure = {
  name: 'pod-start',
  async run(bench) {
    bench.buildImage()
    bench.up()
    await sleep(1000)
    const took = await starts(bench)
    bench.delete()
    const row = (p, budget) => ({
      what: `Pod start, created to Running, p${p} (${count} Pods)`,
      value: percentile(took, p),
      unit: 'ms',
      budget,
      isGoodBelow: true,
    })
    return [row(50, 100), row(99, 300)]
  },
}
