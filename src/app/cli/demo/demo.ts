import { join } from 'node:path'
import { silentLog } from '../../../base/lib/log.ts'
import type { Client } from '../../../base/client/client.ts'
import { createImageStore, type LocalImageStore } from '../../../node/images/local-image-store.ts'
import { UserError } from '../../cluster/errors.ts'
import { contextName } from '../../cluster/names.ts'
import type { Profile } from '../../cluster/profile.ts'
import { runningNodes } from '../../cluster/profile-nodes.ts'
import { postgresImage } from '../../postgres/postgres-image.ts'
import { version } from '../../version.ts'
import { homeOf, type CommandLine } from '../context.ts'
import { addPostgres, examplesOf } from '../image-add.ts'
import { startCluster } from '../up.ts'
import { doorAt } from './door.ts'
import { Leftovers } from './leftovers.ts'
import { machine } from './machine.ts'
import { type Rows, rowsOf, seconds } from './rows.ts'
import { showDatabaseLoss, showRequests, showRollout, type Stage } from './show.ts'
import { watchForStop } from './stopping.ts'
import { apply, complete, databaseReady, namesOf, readServices, rolledOut, type SampleService } from './system.ts'

export interface DemoOptions {
  readonly profile: string
  /** Take everything away at the end, rather than leave it. */
  readonly once?: boolean
  readonly kubeconfig?: string
}

/** One run of the demo; `made` is what its end needs to take it away. */
interface Run {
  readonly cli: CommandLine
  readonly options: DemoOptions
  readonly services: readonly SampleService[]
  readonly rows: Rows
  readonly signal: AbortSignal
  readonly leftovers: Leftovers
  readonly made: { client?: Client; images?: LocalImageStore }
}

/** Boots a cluster, builds and deploys the sample system, and shows what it survives. Stopped before its end, it takes away what it made. */
export async function demo(cli: CommandLine, options: DemoOptions): Promise<void> {
  const services = readServices(examplesOf(cli))
  const stopping = watchForStop(cli)
  const { signal } = stopping
  const rows = rowsOf(cli, signal)
  rows.line(`knarr ${version} on this machine: ${await machine()}`)
  const leftovers = new Leftovers(homeOf(cli), options.profile)
  const made: Run['made'] = {}
  let isKept = false
  try {
    const profile = await present({ cli, options, services, rows, signal, leftovers, made })
    isKept = !options.once
    if (isKept) printNext(cli, { profile, rows })
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    if (isKept) leftovers.forget()
    else await leftovers.remove(made)
    stopping.end()
  }
  if (isKept) return
  rows.line(leftovers.cluster ? 'Removed             everything' : 'Removed             what this demo made; what was there before stays')
  if (stopping.reason() === 'interrupted') process.exitCode = 130
}

async function present(run: Run): Promise<Profile> {
  const { cli, options, rows, signal } = run
  const { profile, client, readyMs } = await startCluster(cli, options)
  await run.leftovers.spare(client)
  run.made.client = client
  if (profile.runtime === 'simulated')
    throw new UserError(`cluster ${contextName(profile)} is simulated: no process of it can answer. Run: knarr demo --profile demo`)
  rows.row('cluster', contextName(profile), `${runningNodes(profile).length} nodes ready`, seconds(readyMs))
  await buildImages(run)
  const stage = { client, signal, rows, door: doorAt(profile.httpPort) }
  // All of it first: what one service waits for, the others do not.
  for (const service of run.services) await deploy(stage, service)
  for (const service of run.services) await ready(stage, service)
  await showRequests(stage)
  await showDatabaseLoss(stage)
  await showRollout(stage)
  signal.throwIfAborted()
  rows.line('')
  return profile
}

async function buildImages({ cli, services, rows, leftovers, made }: Run): Promise<void> {
  const store = await createImageStore({ directory: join(homeOf(cli), 'images'), log: silentLog, nodeExecutable: process.execPath })
  made.images = store
  const names = [postgresImage, ...services.map(({ name }) => `${name}:dev`)]
  leftovers.addImages(names.filter((name) => store.find(name) === undefined))
  await rows.step('image', postgresImage, async () => `built of ${(await addPostgres(cli, store)).from}`)
  for (const { name, folder } of services)
    await rows.step('image', `${name}:dev`, async () => {
      await store.build({ context: folder, tag: `${name}:dev` })
      return `built from examples/${name} (host-node)`
    })
}

const deploy = (stage: Stage, service: SampleService) =>
  stage.rows.step('deploy', `namespace ${service.name}`, async () => {
    await apply(stage.client, service)
    return `${service.manifests.length} objects`
  })

async function ready(stage: Stage, service: SampleService): Promise<void> {
  const { name } = service
  const { step } = stage.rows
  for (const database of namesOf(service, 'StatefulSet')) await step('database', `${name}/${database.name}`, () => databaseReady(stage, database))
  for (const job of namesOf(service, 'Job')) await step('migrate', name, () => complete(stage, job))
  for (const deployment of namesOf(service, 'Deployment'))
    await step('service', deployment.name, async () =>
      [await rolledOut(stage, deployment), ...['Service', 'Ingress'].filter((kind) => namesOf(service, kind).length > 0)].join(', '),
    )
}

function printNext(cli: CommandLine, { profile, rows }: { profile: Profile; rows: Rows }): void {
  const knarr = cli.environment['npm_lifecycle_event'] ? 'npx knarr' : 'knarr'
  const flag = profile.name === 'default' ? '' : ` --profile ${profile.name}`
  rows.line(`The to-do service   http://tasks.localhost:${profile.httpPort}/tasks`)
  rows.line(`kubectl             ${profile.kubeconfig} has the context ${contextName(profile)}; try: kubectl get pods -A`)
  rows.line(`Stop, keep data     ${knarr} down${flag}`)
  rows.line(`Remove everything   ${knarr} delete --all`)
}
