import { readObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { methodNotAllowed } from '../errors.ts'
import { outcomeOf, type Outcome } from '../outcome.ts'
import { createObject } from '../storage/create-object.ts'
import { writeOptions } from './write-options.ts'

export async function createVerb(ctx: ServerContext, call: Call): Promise<Outcome> {
  const { resource, route, request } = call
  if (route.name) throw methodNotAllowed()
  const { dryRun, fieldValidation, manager } = writeOptions(call, 'CreateOptions')
  const object = readObject(call, resource.kind, fieldValidation)
  const namespace = route.namespace || (resource.kind.namespaced ? 'default' : '')
  const written = await createObject(ctx, { resource, object, namespace, manager, user: request.user, dryRun })
  return outcomeOf(resource, written, 201)
}
