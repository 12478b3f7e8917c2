import type { CronJob, CronJobStatus, Job } from '../../../base/api/generated/types.ts'
import { cronJobs, jobs } from '../../../base/api/kinds.ts'
import type { Draft } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerOf, controllerRef, isControlledBy } from '../../../base/client/owner-ref.ts'
import { stampOf } from '../../../base/client/stamp.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import { type ReconcileResult, TerminalError } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { isFinished } from '../job/verdict.ts'
import { keysOfChange } from '../lib/keys.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { beyondHistory, type Due, jobName, plan, type Plan } from './plan.ts'

const name = 'cronjob-controller'
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

/** Starts a Job whenever a CronJob's schedule says so, and keeps a few of those that ended. */
export const cronJobController: Controller = {
  name,
  start(context) {
    const all = context.informers.of(cronJobs)
    const allJobs = context.informers.of(jobs)
    const keysOfJob = ({ old, object }: { readonly old?: Job; readonly object?: Job }) => {
      const owner = controllerOf((object ?? old) as Job)
      return owner?.kind === cronJobs.kind ? [`${(object ?? old)?.metadata.namespace}/${owner.name}`] : []
    }
    return startController({
      ...machinery(context),
      name,
      sources: [source(all, keysOfChange), source(allJobs, keysOfJob)],
      reconcile: (key) => reconcile({ ...context, all, allJobs }, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly all: Informer<CronJob>
  readonly allJobs: Informer<Job>
}

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const cronJob = context.all.get(key)
  if (!cronJob || cronJob.metadata.deletionTimestamp) return
  const own = context.allJobs.list(cronJob.metadata.namespace).filter((job) => isControlledBy(job, cronJob))
  const active = own.filter((job) => !isFinished(job) && isScheduled(job))
  tellOfJobs(context, cronJob, own)
  const kept = await trimHistory(context, cronJob, own)
  const asked = cronJob.spec.suspend ? undefined : planOf(context, cronJob, active)
  const started = asked ? await act(context, cronJob, asked) : undefined
  await writeStatus(context, cronJob, { active, finished: kept.filter(isFinished), started, due: asked?.due })
  return asked?.nextMs === undefined ? undefined : { requeueAfterMs: Math.max(0, asked.nextMs - context.clock.now()) + 100 }
}

const planOf = ({ clock, recorder }: Context, cronJob: CronJob, active: readonly Job[]): Plan => {
  try {
    return plan(cronJob, active, clock.now())
  } catch (error) {
    const message = `unparseable schedule: ${JSON.stringify(cronJob.spec.schedule)} : ${(error as Error).message}`
    recorder.event(cronJob, 'Warning', 'UnparseableSchedule', message)
    throw new TerminalError(message, { cause: error })
  }
}

/** Does what the schedule asks for; answers the Job that was started. */
const act = async (context: Context, cronJob: CronJob, { due, missedCount }: Plan): Promise<Job | undefined> => {
  const { recorder } = context
  if (missedCount !== undefined) {
    const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew'
    recorder.event(cronJob, 'Warning', 'TooManyMissedTimes', `too many missed start times: ${missedCount}. ${advice}`)
  }
  if (due.do === 'nothing') return undefined
  if (due.do === 'skip') {
    if (due.why === 'late') recorder.event(cronJob, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${rfc1123Z(due.atMs)}`)
    else recorder.event(cronJob, 'Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid')
    return undefined
  }
  for (const job of due.replaces) await deleteJob(context, cronJob, job)
  return startJob(context, cronJob, due.atMs)
}

/** As Go's time.RFC1123Z, which upstream writes here. */
const rfc1123Z = (ms: number): string => new Date(ms).toUTCString().replace('GMT', '+0000')

const startJob = async ({ client, recorder }: Context, cronJob: CronJob, atMs: number): Promise<Job> => {
  const { jobTemplate } = cronJob.spec
  const draft: Draft<Job> = {
    metadata: {
      name: jobName(cronJob, atMs),
      namespace: cronJob.metadata.namespace,
      labels: jobTemplate.metadata?.labels,
      annotations: { ...jobTemplate.metadata?.annotations, [scheduledAnnotation]: stampOf(atMs) },
      ownerReferences: [controllerRef(cronJobs, cronJob)],
    },
    spec: jobTemplate.spec as Draft<Job['spec']>,
  }
  try {
    const job = await client.create<Job>(jobs, draft)
    recorder.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`)
    return job
  } catch (error) {
    // Made in a round whose status was not written any more, or by somebody else: the time counts as served either way.
    if (isStatusError(error, 'AlreadyExists')) return client.get(jobs, { namespace: cronJob.metadata.namespace, name: jobName(cronJob, atMs) })
    recorder.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`)
    throw error
  }
}

const deleteJob = async ({ client, recorder }: Context, cronJob: CronJob, { metadata }: Job): Promise<void> => {
  try {
    await client.delete(jobs, metadata, { propagationPolicy: 'Background', preconditions: { uid: metadata.uid } })
    recorder.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${metadata.name}`)
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return
    recorder.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`)
    throw error
  }
}

/** One that a person made from the template is the CronJob's, but does not count for its concurrency policy. */
const isScheduled = ({ metadata }: Job): boolean => metadata.annotations?.[scheduledAnnotation] !== undefined

const tellOfJobs = ({ recorder }: Context, cronJob: CronJob, own: readonly Job[]): void => {
  for (const job of own.filter((one) => !isFinished(one) && !isScheduled(one))) {
    recorder.event(cronJob, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${job.metadata.name}`)
  }
  for (const { name: jobOf, uid } of cronJob.status?.active ?? []) {
    const job = own.find(({ metadata }) => metadata.uid === uid)
    if (!job) recorder.event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${jobOf}`)
    else if (isFinished(job)) recorder.event(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${jobOf}, condition: ${outcomeOf(job)}`)
  }
}

const outcomeOf = (job: Job): string =>
  job.status.conditions?.find(({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True')?.type ?? ''

const trimHistory = async (context: Context, cronJob: CronJob, own: readonly Job[]): Promise<readonly Job[]> => {
  const finished = own.filter((job) => isFinished(job) && !job.metadata.deletionTimestamp)
  const of = (outcome: string) => finished.filter((job) => outcomeOf(job) === outcome)
  const old = [
    ...beyondHistory(of('Complete'), cronJob.spec.successfulJobsHistoryLimit ?? 3),
    ...beyondHistory(of('Failed'), cronJob.spec.failedJobsHistoryLimit ?? 1),
  ]
  for (const job of old) await deleteJob(context, cronJob, job)
  return own.filter((job) => !old.includes(job))
}

interface Outcome {
  readonly active: readonly Job[]
  readonly finished: readonly Job[]
  readonly started: Job | undefined
  readonly due: Due | undefined
}

const writeStatus = async ({ client }: Context, cronJob: CronJob, { active, finished, started, due }: Outcome): Promise<void> => {
  const replaced = new Set(started && due?.do === 'start' ? due.replaces.map(({ metadata }) => metadata.uid) : [])
  const running = [...active.filter(({ metadata }) => !replaced.has(metadata.uid)), ...(started && !isFinished(started) ? [started] : [])]
  const refs = new Map(running.map(({ metadata }) => [metadata.uid, refOf(metadata)]))
  const lastSuccess = finished.map(({ status }) => status.completionTime ?? '').reduce((a, b) => (a > b ? a : b), cronJob.status?.lastSuccessfulTime ?? '')
  const status: CronJobStatus = {
    ...(refs.size > 0 ? { active: [...refs.values()] } : {}),
    ...(started && due?.do === 'start' ? { lastScheduleTime: stampOf(due.atMs) } : pick(cronJob.status?.lastScheduleTime)),
    ...(lastSuccess === '' ? {} : { lastSuccessfulTime: lastSuccess }),
  }
  if (!semanticEqual(cronJob.status, status)) await client.update(cronJobs, { ...cronJob, status }, { subresource: 'status' })
}

const pick = (lastScheduleTime: string | undefined) => (lastScheduleTime === undefined ? {} : { lastScheduleTime })

const refOf = ({ namespace, name: jobOf, uid, resourceVersion }: Job['metadata']) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  name: jobOf,
  ...(namespace === undefined ? {} : { namespace }),
  uid,
  ...(resourceVersion === undefined ? {} : { resourceVersion }),
})
