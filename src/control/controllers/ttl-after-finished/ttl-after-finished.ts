import type { Job } from '../../../base/api/generated/types.ts'
import { jobs } from '../../../base/api/kinds.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'

/** Deletes a finished Job `ttlSecondsAfterFinished` after its end. */
export const ttlAfterFinishedController: Controller = {
  name: 'ttl-after-finished-controller',
  start(context) {
    const { client, clock } = context
    const allJobs = context.informers.of(jobs)
    return startController({
      ...machinery(context),
      name: 'ttl-after-finished-controller',
      sources: [source(allJobs, keysOfChange)],
      async reconcile(key): Promise<ReconcileResult> {
        const job = allJobs.get(key)
        const dueMs = job && !job.metadata.deletionTimestamp ? dueAt(job) : undefined
        if (!job || dueMs === undefined) return
        const waitMs = dueMs - clock.now()
        if (waitMs > 0) return { requeueAfterMs: waitMs }
        const { namespace, name, uid } = job.metadata
        try {
          await client.delete(jobs, { namespace, name }, { preconditions: { uid }, propagationPolicy: 'Foreground' })
        } catch (error) {
          if (!isStatusError(error, 'NotFound')) throw error
        }
      },
    })
  },
}

const dueAt = ({ spec, status }: Job): number | undefined => {
  if (spec.ttlSecondsAfterFinished === undefined) return undefined
  const end = status?.conditions?.find(({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True')
  return end?.lastTransitionTime === undefined ? undefined : Date.parse(end.lastTransitionTime) + spec.ttlSecondsAfterFinished * 1000
}
