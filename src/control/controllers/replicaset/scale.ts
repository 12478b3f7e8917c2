import type { Pod, ReplicaSet } from '../../../base/api/generated/types.ts'
import { pods, replicaSets } from '../../../base/api/kinds.ts'
import { type Draft, keyOf } from '../../../base/api/object.ts'
import { controllerRef } from '../../../base/client/owner-ref.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import type { ControllerContext } from '../controller.ts'
import type { Expectations } from '../lib/expectations.ts'
import { deletionOrder } from './rank.ts'
import type { Failure } from './status.ts'

// As upstream: a round creates or deletes this many Pods at most.
const burst = 500

export interface ScaleResult {
  readonly failure?: Failure
  readonly error?: Error
}

/** Creates or deletes Pods until as many are active as `rs` wants. Answers the first failure instead of throwing it: the status is to show it. */
export const scalePods = async (context: ControllerContext, expectations: Expectations, rs: ReplicaSet, active: readonly Pod[]): Promise<ScaleResult> => {
  const missing = (rs.spec.replicas ?? 1) - active.length
  if (missing > 0) return createPods(context, expectations, rs, Math.min(missing, burst))
  if (missing < 0) return deletePods(context, expectations, rs, deletionOrder(active, context.clock.now()).slice(0, Math.min(-missing, burst)))
  return {}
}

const createPods = async (context: ControllerContext, expectations: Expectations, rs: ReplicaSet, count: number): Promise<ScaleResult> => {
  const owner = keyOf(rs)
  expectations.expect(owner, { creations: count })
  const { attempted, error } = await slowStart(count, async () => {
    try {
      await createPod(context, rs)
    } catch (failed) {
      expectations.created(owner)
      throw failed
    }
  })
  expectations.created(owner, count - attempted)
  // A namespace on its way out refuses every Pod: nothing to report, nothing to repeat.
  if (error === undefined || isNamespaceTerminating(error)) return {}
  return { error, failure: { reason: 'FailedCreate', message: error.message } }
}

const createPod = async ({ client, recorder }: ControllerContext, rs: ReplicaSet): Promise<void> => {
  const { labels, annotations, finalizers } = rs.spec.template.metadata ?? {}
  const draft: Draft<Pod> = {
    metadata: {
      generateName: `${rs.metadata.name}-`,
      namespace: rs.metadata.namespace,
      labels,
      annotations,
      finalizers,
      ownerReferences: [controllerRef(replicaSets, rs)],
    },
    spec: rs.spec.template.spec as Draft<Pod['spec']>,
  }
  try {
    const pod = await client.create(pods, draft)
    recorder.event(rs, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
  } catch (error) {
    if (!isNamespaceTerminating(error)) recorder.event(rs, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`)
    throw error
  }
}

/** Runs `task` in batches of 1, 2, 4 and so on, and stops after the first batch with a failure: a bad template fails once, not a thousand times. */
const slowStart = async (count: number, task: () => Promise<void>): Promise<{ attempted: number; error?: Error }> => {
  let attempted = 0
  for (let batch = 1; attempted < count; batch *= 2) {
    const size = Math.min(batch, count - attempted)
    attempted += size
    const results = await Promise.allSettled(Array.from({ length: size }, task))
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) return { attempted, error: failed.reason as Error }
  }
  return { attempted }
}

const deletePods = async (context: ControllerContext, expectations: Expectations, rs: ReplicaSet, victims: readonly Pod[]): Promise<ScaleResult> => {
  expectations.expect(keyOf(rs), { deletions: victims.map((pod) => pod.metadata.uid) })
  const results = await Promise.allSettled(victims.map((pod) => deletePod(context, expectations, rs, pod)))
  const failed = results.find((result) => result.status === 'rejected')
  if (!failed) return {}
  const error = failed.reason as Error
  return { error, failure: { reason: 'FailedDelete', message: error.message } }
}

const deletePod = async ({ client, recorder }: ControllerContext, expectations: Expectations, rs: ReplicaSet, pod: Pod): Promise<void> => {
  const { namespace, name, uid } = pod.metadata
  try {
    await client.delete(pods, { namespace, name }, { preconditions: { uid } })
    recorder.event(rs, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    expectations.deleted(keyOf(rs), uid)
    if (isStatusError(error, 'NotFound')) return
    recorder.event(rs, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`)
    throw error
  }
}

const isNamespaceTerminating = (error: unknown): boolean =>
  isStatusError(error, 'Forbidden') && (error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
