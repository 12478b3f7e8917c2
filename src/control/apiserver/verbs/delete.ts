import type { DeleteOptions } from '../../../base/client/client.ts'
import { readDeleteOptions } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import type { Outcome } from '../outcome.ts'
import { deleteObject, type Deleted } from '../storage/delete-object.ts'
import { listVerb } from './list.ts'
import { optionsInvalid, writeOptions } from './write-options.ts'

/** Kinds whose deletion answers the object instead of a Status. */
const returnsObject = new Set(['pods', 'services', 'serviceaccounts', 'persistentvolumes', 'persistentvolumeclaims', 'podtemplates', 'resourcequotas'])

interface Wanted {
  readonly options: DeleteOptions
  readonly dryRun: boolean
}

export async function deleteVerb(ctx: ServerContext, call: Call): Promise<Outcome> {
  const { resource, route, request } = call
  const wanted = wantedOf(call)
  const deleted = await deleteObject(ctx, { resource, ref: route, user: request.user, ...wanted })
  return deletedOutcome(call, deleted, wanted)
}

export function wantedOf(call: Call): Wanted {
  const { query } = call.request
  const body = readDeleteOptions(call)
  const fromQuery = query.get('gracePeriodSeconds') ?? undefined
  const policy = query.get('propagationPolicy') ?? body.propagationPolicy ?? orphanPolicy(query.get('orphanDependents') ?? body.orphanDependents)
  if (policy !== undefined && !['Background', 'Foreground', 'Orphan'].includes(policy)) {
    throw optionsInvalid('DeleteOptions', `propagationPolicy: Unsupported value: "${policy}": supported values: "Background", "Foreground", "Orphan"`)
  }
  const grace = fromQuery === undefined ? body.gracePeriodSeconds : Number(fromQuery)
  const dryRun = (body.dryRun ?? []).includes('All') || writeOptions(call, 'DeleteOptions').dryRun
  return {
    dryRun,
    options: {
      ...(typeof grace === 'number' && Number.isFinite(grace) ? { gracePeriodSeconds: grace } : {}),
      ...(policy ? { propagationPolicy: policy as NonNullable<DeleteOptions['propagationPolicy']> } : {}),
      ...(body.preconditions ? { preconditions: body.preconditions } : {}),
    },
  }
}

const orphanPolicy = (orphan: unknown): string | undefined =>
  orphan === undefined || orphan === null ? undefined : orphan === true || orphan === 'true' ? 'Orphan' : 'Background'

function deletedOutcome({ resource }: Call, { item, gone }: Deleted, { options }: Wanted): Outcome {
  const status = !gone && options.propagationPolicy === 'Foreground' ? 202 : 200
  if (!gone || returnsObject.has(resource.kind.plural)) return { type: 'item', status, resource, item }
  const { group, plural } = resource.kind
  const { name, uid } = item.object.metadata
  const details = { name, ...(group ? { group } : {}), kind: plural, uid }
  return { type: 'object', status, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } }
}

export async function deleteCollectionVerb(ctx: ServerContext, call: Call): Promise<Outcome> {
  const wanted = wantedOf(call)
  const listed = listVerb(ctx, call)
  if (listed.type !== 'list') return listed
  for (const item of listed.items) {
    const { namespace, name } = item.object.metadata
    try {
      await deleteObject(ctx, { resource: call.resource, ref: { namespace, name }, user: call.request.user, ...wanted })
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error
    }
  }
  return listed
}
