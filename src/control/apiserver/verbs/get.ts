import type { Call, ServerContext } from '../context.ts'
import { notFound } from '../errors.ts'
import type { Outcome } from '../outcome.ts'

export function getVerb(ctx: ServerContext, { route, resource }: Call): Outcome {
  const item = ctx.storage.get(resource, route)
  if (!item) throw notFound(resource.kind, route.name)
  return { type: 'item', status: 200, resource, item }
}
