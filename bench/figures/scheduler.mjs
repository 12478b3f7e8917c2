import { startLibraryCluster } from '../lib/library-cluster.mjs'
import { load, open, request, watch } from '../lib/load.mjs'

const clients = 32
const pods = '/api/v1/namespaces/default/pods'
const capacity = { cpu: '32', memory: '64Gi', pods: '110' }
const node = (name) => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  status: { capacity, allocatable: capacity, conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }] },
})
const pod = (index) => ({
  metadata: { name: `p${index}`, labels: { app: 'bench' } },
  spec: {
    containers: [{ name: 'a', image: 'web:1', resources: { requests: { cpu: '100m', memory: '128Mi' } } }],
  },
})

/** From the first creation until `holds` was true of all of them. */
async function timeAll(access, { count, make, holds }) {
  const seen = new Set()
  const first = await open(access)
  await first.ask(request('POST', pods, { ...make(count), metadata: { name: 'begin' } }))
  let done = () => {}
  const all = new Promise((resolve) => (done = resolve))
  const stop = await watch(access, `${pods}?watch=1&resourceVersion=0`, (line) => {
    if (!holds(line)) return
    seen.add(/"name":"([^"]+)"/.exec(line)[1])
    if (seen.size >= count) done()
  })
  const began = performance.now()
  const createMs = await load(access, { clients, count, make: (index) => request('POST', pods, make(index)), expect: 201 })
  await all
  stop()
  first.close()
  return { createMs, tookMs: performance.now() - began }
}

const manyPods = 10_000

export const schedulerFigure = {
  name: 'scheduler',
  async run(bench) {
    const { access, close } = await startLibraryCluster(bench, 0)
    try {
      await load(access, { clients, count: 5000, make: (index) => request('POST', '/api/v1/nodes', node(`n${index}`)), expect: 201 })
      const { tookMs, createMs } = await timeAll(access, { count: manyPods, make: (index) => pod(index), holds: (line) => line.includes('"nodeName":"') })
      return [
        {
          what: `scheduler: ${manyPods} Pods on 5000 nodes, created to bound`,
          value: Math.round(manyPods / (tookMs / 1000)),
          unit: '/s',
          budget: 2000,
          isGoodBelow: false,
        },
        { what: '  of which the creations alone took', value: createMs / 1000, unit: 's', budget: undefined, isGoodBelow: true },
      ]
    } finally {
      await close()
    }
  },
}

export const simulatedFigure = {
  name: 'simulated',
  async run(bench) {
    const { access, close } = await startLibraryCluster(bench, 1000)
    try {
      const { tookMs } = await timeAll(access, { count: manyPods, make: (index) => pod(index), holds: (line) => line.includes('"phase":"Running"') })
      return [{ what: `${manyPods} Pods Running on 1000 simulated nodes`, value: tookMs / 1000, unit: 's', budget: 10, isGoodBelow: true }]
    } finally {
      await close()
    }
  },
}
