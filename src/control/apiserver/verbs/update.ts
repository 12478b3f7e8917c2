import { mutableCopy } from '../../../base/api/object.ts'
import { readObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { methodNotAllowed, notFound } from '../errors.ts'
import { outcomeOf, type Outcome } from '../outcome.ts'
import { createObject } from '../storage/create-object.ts'
import { updateObject } from '../storage/update-object.ts'
import { writeOptions } from './write-options.ts'

/** Kinds whose PUT creates what is absent, as upstream's AllowCreateOnUpdate. */
const createsOnUpdate = new Set(['endpoints', 'events', 'leases', 'limitranges', 'services', 'roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'])

export async function updateVerb(ctx: ServerContext, call: Call): Promise<Outcome> {
  const { resource, route, request } = call
  if (!route.name) throw methodNotAllowed()
  const { dryRun, fieldValidation, manager } = writeOptions(call, 'UpdateOptions')
  const object = readObject(call, resource.kind, fieldValidation)
  if (!ctx.storage.get(resource, route) && createsOnUpdate.has(resource.kind.plural)) {
    if (object.metadata.name !== route.name || object.metadata.resourceVersion) throw notFound(resource.kind, route.name)
    return outcomeOf(resource, await createObject(ctx, { resource, object, namespace: route.namespace, manager, user: request.user, dryRun }), 201)
  }
  const written = await updateObject(ctx, { resource, ref: route, subresource: '', manager, user: request.user, dryRun, propose: () => mutableCopy(object) })
  return outcomeOf(resource, written)
}
