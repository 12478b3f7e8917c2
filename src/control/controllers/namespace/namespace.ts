import type { Namespace } from '../../../base/api/generated/types.ts'
import type { Kind } from '../../../base/api/kind.ts'
import { namespaces } from '../../../base/api/kinds.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { source, startController } from '../../../base/reconcile/controller.ts'
import type { ReconcileResult } from '../../../base/reconcile/reconciler.ts'
import { type Controller, type ControllerContext, machinery } from '../controller.ts'
import { keysOfChange } from '../lib/keys.ts'
import { semanticEqual } from '../lib/semantic-equal.ts'
import { deletionConditions, type Remains } from './conditions.ts'

const name = 'namespace-controller'
const finalizer = 'kubernetes'
// What is left is looked at again after this time: Pods take their grace period to stop.
const recheckMs = 250

/** Empties a namespace that is being deleted, then lets it go. */
export const namespaceController: Controller = {
  name,
  start(context) {
    const all = context.informers.of(namespaces)
    return startController({ ...machinery(context), name, sources: [source(all, keysOfChange)], reconcile: (key) => reconcile(context, all.get(key)) })
  },
}

const reconcile = async (context: ControllerContext, namespace: Namespace | undefined): Promise<ReconcileResult> => {
  if (!namespace || namespace.metadata.deletionTimestamp === undefined || !namespace.spec?.finalizers?.includes(finalizer)) return
  const remains = await deleteContent(context, namespace.metadata.name)
  const shown = await showRemains(context, namespace, remains)
  if (!shown) return
  if (remains.failures.length > 0) throw new Error(remains.failures.join('; '))
  if (remains.objects.size > 0) return { requeueAfterMs: recheckMs }
  const finalizers = (shown.spec.finalizers ?? []).filter((other) => other !== finalizer)
  await context.client.update(namespaces, { ...shown, spec: { ...shown.spec, finalizers } }, { subresource: 'finalize' }).catch(unlessGone)
}

/** Deletes every object of every namespaced kind, and counts what is still there after that. */
const deleteContent = async ({ client, settings }: ControllerContext, namespace: string): Promise<Remains> => {
  const objects = new Map<string, number>()
  const finalizers = new Map<string, number>()
  const failures: string[] = []
  const emptyKind = async (kind: Kind) => {
    const listed = await client.list(kind, { namespace })
    if (listed.items.length === 0) return
    await client.deleteCollection(kind, { namespace, propagationPolicy: 'Background' })
    const left: readonly KubeObject[] = (await client.list(kind, { namespace })).items
    if (left.length > 0) objects.set(`${kind.plural}.${kind.group}`, left.length)
    for (const each of left.flatMap((object) => object.metadata.finalizers ?? [])) finalizers.set(each, (finalizers.get(each) ?? 0) + 1)
  }
  await Promise.all(
    settings.kinds
      .filter((kind) => kind.namespaced)
      .map((kind) =>
        emptyKind(kind).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'MethodNotAllowed')) failures.push(`${kind.plural}: ${(error as Error).message}`)
        }),
      ),
  )
  return { objects, finalizers, failures }
}

const showRemains = async ({ client, clock }: ControllerContext, namespace: Namespace, remains: Remains): Promise<Namespace | undefined> => {
  const conditions = deletionConditions(namespace.status?.conditions ?? [], remains, clock.now())
  if (semanticEqual(conditions, namespace.status?.conditions)) return namespace
  // Where nothing is left the namespace is gone a moment later: its conditions would cost a write that nobody can read.
  if (remains.objects.size === 0 && remains.failures.length === 0) return namespace
  return client.update(namespaces, { ...namespace, status: { ...namespace.status, conditions } }, { subresource: 'status' }).catch(unlessGone)
}

const unlessGone = (error: unknown): undefined => {
  if (!isStatusError(error, 'NotFound')) throw error
}
