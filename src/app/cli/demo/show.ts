import { deployments, pods } from '../../../base/api/kinds.ts'
import { UserError } from '../../cluster/errors.ts'
import { type Answer, type Door, load } from './door.ts'
import type { Rows } from './rows.ts'
import { databaseReady, rolledOut, until, type Waiter } from './system.ts'

export interface Stage extends Waiter {
  readonly rows: Rows
  readonly door: Door
}

const requests = 30
const list = (door: Door) => door.ask('tasks', 'GET', '/tasks')
const titlesIn = ({ text }: Answer) => (JSON.parse(text) as { tasks: { title: string }[] }).tasks.map(({ title }) => title)
const logs = 'see: kubectl -n tasks logs deployment/tasks'

/** A task comes in by the Ingress, and every replica knows it. */
export async function showRequests(stage: Stage): Promise<void> {
  const { rows, door } = stage
  await until(stage, async () => (await list(door)).status === 200, `nothing answers at http://tasks.localhost; ${logs}`)
  const startedMs = performance.now()
  const created = await door.ask('tasks', 'POST', '/tasks', { title: 'Set sail', description: 'with the morning tide' })
  rows.row('check', 'POST /tasks', `${created.status} from ${created.servedBy}`, `${Math.max(1, Math.round(performance.now() - startedMs))} ms`)
  const answers = await Promise.all(Array.from({ length: requests }, () => list(door)))
  const failed = answers.filter((answer) => answer.status !== 200 || !titlesIn(answer).includes('Set sail')).length
  const podCount = new Set(answers.map((answer) => answer.servedBy)).size
  rows.row('check', 'GET /tasks', `${podCount} Pods answered ${requests} requests with that task`, `${failed} failed`)
  if (created.status !== 201 || failed > 0) throw new UserError(`the sample service did not answer as it should; ${logs}`)
}

/** The database is killed; what was acknowledged is there when it is back. */
export async function showDatabaseLoss(stage: Stage): Promise<void> {
  const { client, rows, door } = stage
  const before = titlesIn(await list(door)).length
  await rows.step('kill', 'the database', async () => {
    const database = { namespace: 'tasks', name: 'postgres' }
    const ref = { ...database, name: 'postgres-0' }
    const { uid } = (await client.get(pods, ref)).metadata
    await client.delete(pods, ref, { gracePeriodSeconds: 0 })
    const isNew = async () => (await client.get(pods, ref)).metadata.uid !== uid
    await until(stage, isNew, 'the Pod postgres-0 did not come again; see: kubectl -n tasks describe statefulset postgres')
    await databaseReady(stage, database)
    await until(stage, async () => (await list(door)).status === 200, `the service did not find its database again; ${logs}`)
    const after = titlesIn(await list(door)).length
    if (after !== before) throw new UserError(`${before} tasks were there, and ${after} are now; ${logs}`)
    return `postgres-0 came again on its claim: ${before} of ${after} tasks there`
  })
}

/** A new release while requests come. */
export async function showRollout(stage: Stage): Promise<void> {
  const { client, rows, door } = stage
  const service = { namespace: 'tasks', name: 'tasks' }
  await rolledOut(stage, service)
  const restartedAt = new Date().toISOString()
  const patch = { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': restartedAt } } } } }
  const startedMs = performance.now()
  await client.patch(deployments, service, patch, { type: 'strategic' })
  const { requests: count, failed } = await load(() => list(door), rolledOut(stage, service))
  rows.row('rollout', 'Deployment tasks', `3 new Pods under ${count} requests in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`, `${failed} failed`)
  if (failed > 0) throw new UserError(`${failed} of ${count} requests failed while the service was rolled out; ${logs}`)
}
