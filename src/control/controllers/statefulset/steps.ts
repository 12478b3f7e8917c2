import type { ControllerRevision, StatefulSet } from '../../../base/api/generated/types.ts'
import { pods } from '../../../base/api/kinds.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { templateOf } from '../lib/revisions.ts'
import { type ClaimContext, ensureClaims } from './claims.ts'
import { podFor, podName } from './identity.ts'
import type { Step } from './plan.ts'

export interface Revisions {
  readonly set: StatefulSet
  readonly current: ControllerRevision
  readonly update: ControllerRevision
}

/** Does one step of the plan. What the cache did not show yet (a Pod made or gone meanwhile) is no failure: the change wakes the set again. */
export const takeStep = async (context: ClaimContext, revisions: Revisions, step: Step): Promise<void> => {
  const { set } = revisions
  switch (step.do) {
    case 'create':
      return createPod(context, revisions, step)
    case 'delete':
      return deletePod(context, set, step)
    case 'label':
      await context.client.patch(pods, step.pod.metadata, { metadata: { labels: step.labels } }, { type: 'merge' })
      return
    case 'claims':
      return ensureClaims(context, set, step.pod.metadata.name)
  }
}

const createPod = async (context: ClaimContext, { set, ...revisions }: Revisions, step: Step & { do: 'create' }): Promise<void> => {
  const { client, recorder } = context
  const revision = revisions[step.revision]
  const name = podName(set, step.ordinal)
  await ensureClaims(context, set, name)
  try {
    await client.create(pods, podFor(set, step.ordinal, { template: templateOf(revision), revision: revision.metadata.name }))
    recorder.event(set, 'Normal', 'SuccessfulCreate', `create Pod ${name} in StatefulSet ${set.metadata.name} successful`)
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return
    recorder.event(set, 'Warning', 'FailedCreate', `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`)
    throw error
  }
}

const deletePod = async ({ client, recorder }: ClaimContext, set: StatefulSet, { pod, why }: Step & { do: 'delete' }): Promise<void> => {
  const { namespace, name, uid } = pod.metadata
  const title = `${set.metadata.namespace}/${set.metadata.name}`
  if (why === 'failed') recorder.event(set, 'Warning', 'RecreatingFailedPod', `StatefulSet ${title} is recreating failed Pod ${name}`)
  if (why === 'succeeded') recorder.event(set, 'Normal', 'RecreatingTerminatedPod', `StatefulSet ${title} is recreating terminated Pod ${name}`)
  try {
    await client.delete(pods, { namespace, name }, { preconditions: { uid } })
    recorder.event(set, 'Normal', 'SuccessfulDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`)
  } catch (error) {
    if (isGone(error)) return
    recorder.event(set, 'Warning', 'FailedDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`)
    throw error
  }
}

/** Deleted meanwhile, or replaced by another of its name. */
const isGone = (error: unknown): boolean => isStatusError(error, 'NotFound') || isStatusError(error, 'Conflict')
