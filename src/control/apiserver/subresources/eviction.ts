import type { Pod, PodDisruptionBudget } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import { podDisruptionBudgets } from '../../../base/api/kinds.ts'
import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import type { DeleteOptions } from '../../../base/client/client.ts'
import { matchesLabelSelector } from '../../../base/machinery/selectors.ts'
import { StatusError } from '../../../base/machinery/status-error.ts'
import { readObject } from '../body.ts'
import { createReader, type Call, type ServerContext } from '../context.ts'
import { badRequest, notFound } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import { deleteObject } from '../storage/delete-object.ts'
import { updateObject } from '../storage/update-object.ts'
import { timestamp } from '../timestamp.ts'
import { managerOf, writeOptions } from '../verbs/write-options.ts'

const evictionKind: Kind = {
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  plural: 'evictions',
  singular: 'eviction',
  namespaced: true,
  shortNames: [],
  categories: [],
  type: 'policy/v1.Eviction',
}

/** A deletion that a PodDisruptionBudget may refuse (429). */
export async function evictionSubresource(ctx: ServerContext, call: Call): Promise<Outcome | undefined> {
  const { resource, route, request } = call
  if (route.verb !== 'create') return undefined
  const { dryRun, fieldValidation } = writeOptions(call, 'CreateOptions')
  const eviction = readObject(call, evictionKind, fieldValidation) as Mutable<KubeObject> & { deleteOptions?: DeleteOptions & { dryRun?: string[] } }
  if (eviction.metadata.name && eviction.metadata.name !== route.name) throw badRequest('name in URL does not match name in Eviction object')
  const item = ctx.storage.get(resource, route)
  if (!item) throw notFound(resource.kind, route.name)
  const dry = dryRun || (eviction.deleteOptions?.dryRun ?? []).includes('All')
  const pod = item.object as Pod
  if (!hasEnded(pod)) await consumeBudget(ctx, call, { pod, dryRun: dry })
  await deleteObject(ctx, { resource, ref: route, options: eviction.deleteOptions ?? {}, user: request.user, dryRun: dry })
  return { type: 'object', status: 201, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } }
}

const hasEnded = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined || ['Succeeded', 'Failed', 'Pending'].includes(pod.status?.phase ?? 'Pending')

async function consumeBudget(ctx: ServerContext, call: Call, { pod, dryRun }: { pod: Pod; dryRun: boolean }): Promise<void> {
  const { namespace, name } = pod.metadata
  const budgets = createReader(ctx.registry, ctx.storage)
    .list(podDisruptionBudgets, namespace)
    .filter(({ spec }) => spec?.selector && matchesLabelSelector(spec.selector, pod.metadata.labels ?? {}))
  if (budgets.length > 1)
    throw new StatusError('InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.')
  const [budget] = budgets
  const resource = ctx.registry.find(podDisruptionBudgets)
  if (!budget || !resource) return
  if (!isReady(pod) && mayIgnore(budget)) return
  const propose = (old: KubeObject) => consume(ctx, mutableCopy(old) as unknown as Mutable<PodDisruptionBudget>, name)
  await updateObject(ctx, { resource, ref: budget.metadata, subresource: 'status', manager: managerOf(call), user: call.request.user, dryRun, propose })
}

const isReady = ({ status }: Pod): boolean => (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True')

/** A Pod that is not ready is not among the healthy ones: it may go where the policy says so, or while enough others are healthy. */
const mayIgnore = ({ spec, status }: PodDisruptionBudget): boolean =>
  spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' || ((status?.desiredHealthy ?? 0) > 0 && (status?.currentHealthy ?? 0) >= (status?.desiredHealthy ?? 0))

function consume(ctx: ServerContext, budget: Mutable<PodDisruptionBudget>, pod: string): Mutable<KubeObject> {
  const { status } = budget
  if ((status?.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    throw new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      retryAfterSeconds: 10,
      causes: [{ reason: 'DisruptionBudget', message: `The disruption budget ${budget.metadata.name} is still being processed by the server.` }] as never,
    })
  }
  if (!status || status.disruptionsAllowed <= 0) {
    const failed = status?.conditions?.find(({ type, reason }) => type === 'DisruptionAllowed' && reason === 'SyncFailed')
    const message = failed
      ? `The disruption budget ${budget.metadata.name} does not allow evicting pods currently because it failed sync: ${failed.message}`
      : `The disruption budget ${budget.metadata.name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`
    throw new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: 'DisruptionBudget', message }] as never,
    })
  }
  status.disruptionsAllowed--
  status.disruptedPods = { ...status.disruptedPods, [pod]: timestamp(ctx.clock) }
  return budget as unknown as Mutable<KubeObject>
}
