import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kinds } from '../../base/api/kinds.ts'
import { UserError } from '../cluster/errors.ts'
import { bringUp, removeCluster } from '../cluster/lifecycle.ts'
import { requireRightsForPods } from '../cluster/rights.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'
import { createHandle, makeTemporaryDirectory } from './handle.ts'
import type { Simulation } from './simulation.ts'
import { realTime } from './time.ts'

/** A cluster with real Pods, as `knarr up` makes it, below a data folder of its own. */
export async function createProcessCluster({ nodes = 3, clock = 'system' }: ClusterOptions): Promise<Cluster> {
  if (clock !== 'system') throw new UserError("real Pods live on the machine's time: leave out clock, or use runtime: 'simulated'")
  if (typeof nodes !== 'number') throw new UserError("real Pods run on nodes of this machine's size: give their number, or use runtime: 'simulated'")
  requireRightsForPods('node …')
  const directory = makeTemporaryDirectory()
  const home = join(directory, 'data')
  const kubeconfig = join(directory, 'kubeconfig')
  const name = `test-${randomBytes(4).toString('hex')}`
  const { profile, client } = await bringUp({ home, name, nodes, runtime: 'process', kubeconfig, mainFile: commandFile(), environment: process.env }).catch(
    (error: unknown) => {
      rmSync(directory, { recursive: true, force: true })
      throw error
    },
  )
  const time = realTime()
  return createHandle({
    client,
    kinds: () => kinds,
    clock: time.public,
    monotonic: () => time.clock.monotonic(),
    simulate: noSimulation,
    settle: time.settle,
    pass: time.pass,
    kubeconfig: async () => readFileSync(kubeconfig, 'utf8'),
    directory: () => directory,
    async close() {
      await removeCluster(home, profile)
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    },
  })
}

/** The bundled command of the package that this module belongs to, wherever the bundler put it. */
function commandFile(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'dist', 'knarr.js')
    if (existsSync(file)) return file
  }
  throw new UserError('the knarr command is not beside this module; run: npm run build')
}

const refuse = async (): Promise<never> => {
  throw new UserError("Pods of this cluster are real: use runtime: 'simulated' to let them fail on demand")
}
const noSimulation: Simulation = { failNode: refuse, recoverNode: refuse, exitContainer: refuse, failProbes: refuse, recoverProbes: refuse }
