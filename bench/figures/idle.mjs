import { sleep } from '../lib/cluster.mjs'
import { footprint } from '../lib/footprint.mjs'

const settlingMs = 10_000

export const figure = {
  name: 'idle',
  async run(bench) {
    bench.up()
    await sleep(settlingMs)
    const before = footprint(bench)
    await sleep(bench.idleSeconds * 1000)
    const after = footprint(bench)
    bench.delete()
    return [
      {
        what: `idle memory after ${bench.idleSeconds + 10} s (PSS, all processes)`,
        value: after.pssBytes / 2 ** 20,
        unit: 'MB',
        budget: 200,
        isGoodBelow: true,
      },
      // A tick is a hundredth of a second: ticks a second are per cent of a core.
      { what: 'idle CPU of one core', value: (after.ticks - before.ticks) / bench.idleSeconds, unit: '%', budget: 1, isGoodBelow: true },
    ]
  },
}
