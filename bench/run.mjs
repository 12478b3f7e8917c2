// `npm run bench -- [FIGURE...] [--json] [--profile NAME] [--idle SECONDS] [--main FILE]`: the budgets of a cluster, measured through
// the front door. A line a figure; nothing here asserts a time.
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { figure as api } from './figures/api.mjs'
import { figure as boot } from './figures/boot.mjs'
import { figure as idle } from './figures/idle.mjs'
import { figure as podStart } from './figures/pod-start.mjs'
import { figure as probes } from './figures/probes.mjs'
import { schedulerFigure, simulatedFigure } from './figures/scheduler.mjs'
import { figure as state } from './figures/state.mjs'
import { figure as watch } from './figures/watch.mjs'
import { createBench } from './lib/cluster.mjs'

const figures = [boot, idle, podStart, probes, state, api, watch, schedulerFigure, simulatedFigure]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    profile: { type: 'string', default: 'default' },
    idle: { type: 'string', default: '60' },
    main: { type: 'string', default: join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'knarr.js') },
  },
})
const unknown = positionals.filter((name) => !figures.some((figure) => figure.name === name))
if (unknown.length > 0) {
  console.error(`there is no figure ${unknown.join(', ')}; there are: ${figures.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

const shown = (value, unit) => `${unit === 's' ? value.toFixed(2) : unit === '%' ? value.toFixed(2) : Math.round(value)} ${unit}`
const line = ({ what, value, unit, budget, isGoodBelow }) => {
  const limit = budget === undefined ? '' : `   budget ${isGoodBelow ? '' : 'at least '}${budget} ${unit}${isGoodBelow === value <= budget ? '' : '   MISSED'}`
  return `${what.padEnd(58)} ${shown(value, unit).padStart(12)}${limit}`
}

const bench = createBench({ main: resolve(values.main), profile: values.profile, idleSeconds: Number(values.idle) })
try {
  for (const figure of figures.filter(({ name }) => positionals.length === 0 || positionals.includes(name)))
    for (const row of await figure.run(bench)) console.log(values.json ? JSON.stringify({ figure: figure.name, ...row }) : line(row))
} finally {
  bench.remove()
}
