import type { Job, JobStatus, Pod } from '../../../base/api/generated/types.ts'
import { jobs, pods } from '../../../base/api/kinds.ts'
import type { Draft } from '../../../base/api/object.ts'
import type { Informer } from '../../../base/client/informer-contract.ts'
import { controllerOf } from '../../../base/client/owner-ref.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { claim } from '../lib/claim.ts'
import { Expectations } from '../lib/expectations.ts'
import { keysOfChange } from '../lib/keys.ts'
import { createPodControl, keysOfOwnedPod, ownerKeyOf, type PodControl } from '../lib/pod-control.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { type Observed, observe, isTracked, trackingFinalizer } from './observe.ts'
import { podFor } from './pod.ts'
import { podsWanted } from './pods-wanted.ts'
import { jobStatus } from './status.ts'
import { deadlineOf, isFinished, judge } from './verdict.ts'

const name = 'job-controller'

/** Runs Pods until enough of them have succeeded. https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
export const jobController: Controller = {
  name,
  start(context) {
    const allJobs = context.informers.of(jobs)
    const allPods = context.informers.of(pods)
    const expectations = new Expectations(context.clock)
    allPods.addIndex('job', (pod) => [ownerKeyOf(jobs, pod) ?? ''])
    const control = createPodControl(context, jobs, expectations)
    const adopters = (pod: Pod) => allJobs.list(pod.metadata.namespace).filter((job) => matchesLabelSelector(job.spec.selector, pod.metadata.labels))
    return startController({
      ...machinery(context),
      name,
      sources: [source(allJobs, keysOfChange), source(allPods, keysOfOwnedPod({ kind: jobs, expectations, adopters }))],
      reconcile: (key) => reconcile({ ...context, allJobs, allPods, expectations, control }, key),
    })
  },
}

interface Context extends ControllerContext {
  readonly allJobs: Informer<Job>
  readonly allPods: Informer<Pod>
  readonly expectations: Expectations
  readonly control: PodControl<Job>
}

const reconcile = async (context: Context, key: string): Promise<ReconcileResult> => {
  const { client, clock, expectations } = context
  const job = context.allJobs.get(key)
  const owned = context.allPods.byIndex('job', key)
  if (!job || isFinished(job)) {
    if (!job) expectations.forget(key)
    return release(
      context,
      owned.filter((pod) => job === undefined || controllerOf(pod)?.uid === job.metadata.uid),
    )
  }
  // Another controller was named to do this Job.
  if (job.spec.managedBy !== undefined && job.spec.managedBy !== 'kubernetes.io/job-controller') return
  const orphans = context.allPods
    .list(job.metadata.namespace)
    .filter((pod) => !controllerOf(pod) && matchesLabelSelector(job.spec.selector, pod.metadata.labels))
  const own = await claim({ client, ownerKind: jobs, owner: job, selector: job.spec.selector, kind: pods, candidates: [...owned, ...orphans] })
  const observed = observe(job, own)
  const nowMs = clock.now()
  const verdict = judge(job, observed, nowMs)
  await writeStatus(context, job, jobStatus(job, observed, { verdict, nowMs }))
  // What the status has recorded may go; the counters follow when it is gone.
  const recorded = new Set([...(job.status?.uncountedTerminatedPods?.succeeded ?? []), ...(job.status?.uncountedTerminatedPods?.failed ?? [])])
  await release(
    context,
    own.filter((pod) => recorded.has(pod.metadata.uid) || isIgnored(observed, pod)),
  )
  if (job.metadata.deletionTimestamp || !expectations.areMet(key)) return
  if (verdict || job.spec.suspend) {
    await control(context, job, { delete: observed.active })
    return
  }
  const wanted = podsWanted(job, observed, nowMs)
  await control(context, job, { delete: wanted.delete, create: wanted.create.map((pod) => podFor(job, pod)) })
  const waits = [wanted.waitMs, remainingMs(job, nowMs)].filter((wait) => wait !== undefined)
  return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) + 10 } : undefined
}

/** A failure that a rule ignores is never counted, so nothing waits for its record. */
const isIgnored = ({ uncounted, failedPods }: Observed, pod: Pod): boolean => failedPods.includes(pod) && !uncounted.failed.includes(pod.metadata.uid)

const remainingMs = (job: Job, nowMs: number): number | undefined => {
  // A Job that starts in this round has its start time in the status only.
  const deadlineMs = deadlineOf(job) ?? (job.spec.activeDeadlineSeconds === undefined ? undefined : nowMs + job.spec.activeDeadlineSeconds * 1000)
  return deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - nowMs)
}

const control = async (
  { control: podControl }: Context,
  job: Job,
  { create = [], delete: victims }: { create?: readonly Draft<Pod>[]; delete: readonly Pod[] },
): Promise<void> => {
  const removed = victims.length > 0 ? await podControl.delete(job, victims) : {}
  const made = create.length > 0 ? await podControl.create(job, create) : {}
  const error = removed.error ?? made.error
  if (error) throw error
}

const release = async ({ client }: ControllerContext, ended: readonly Pod[]): Promise<void> => {
  for (const { metadata } of ended.filter(isTracked)) {
    const finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== trackingFinalizer)
    const patch = { metadata: { finalizers: finalizers.length > 0 ? finalizers : null, resourceVersion: metadata.resourceVersion } }
    try {
      await client.patch(pods, metadata, patch, { type: 'merge' })
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error
    }
  }
}

const writeStatus = async ({ client, recorder }: Context, job: Job, status: JobStatus): Promise<void> => {
  if (semanticEqual(job.status, status)) return
  await client.update(jobs, { ...job, status }, { subresource: 'status' })
  const before = new Set((job.status?.conditions ?? []).map(({ type, status: is }) => `${type} ${is}`))
  for (const { type, status: is, reason = '', message = '' } of status.conditions ?? []) {
    if (before.has(`${type} ${is}`)) continue
    if (type === 'Complete') recorder.event(job, 'Normal', 'Completed', 'Job completed')
    if (type === 'Failed') recorder.event(job, 'Warning', reason, message)
    if (type === 'Suspended') recorder.event(job, 'Normal', is === 'True' ? 'Suspended' : 'Resumed', message)
  }
}
