import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import type { FieldFault } from '../../../base/api/resource.ts'
import { readObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { invalid } from '../errors.ts'
import { outcomeOf, type Outcome } from '../outcome.ts'
import { updateObject } from '../storage/update-object.ts'
import { getVerb } from '../verbs/get.ts'
import { preparePatch } from '../verbs/patch.ts'
import { writeOptions } from '../verbs/write-options.ts'

/** A subresource that takes the whole object and changes one part of it: `merge` carries that part over, `validate` sees it defaulted. */
export const fieldSubresource =
  (merge: (to: Mutable<KubeObject>, from: KubeObject) => void, validate?: (object: KubeObject, old: KubeObject) => FieldFault[]) =>
  async (ctx: ServerContext, call: Call): Promise<Outcome | undefined> => {
    const { resource, route, request } = call
    if (route.verb === 'get') return getVerb(ctx, call)
    if (route.verb !== 'update' && route.verb !== 'patch') return undefined
    const options = writeOptions(call, 'UpdateOptions')
    const { dryRun, manager } = options
    const asked = route.verb === 'patch' ? preparePatch(ctx, call, options) : fixed(readObject(call, resource.kind, options.fieldValidation))
    const propose = (old: KubeObject) => {
      const from = asked(old)
      const to = mutableCopy(old)
      const { name, resourceVersion, uid } = from.metadata as Partial<KubeObject['metadata']>
      Object.assign(to.metadata, { name, resourceVersion, uid })
      merge(to, from as KubeObject)
      // An apply has settled who owns what.
      if (manager.operation === 'Apply') to.metadata.managedFields = from.metadata.managedFields ?? []
      if (!validate) return to
      resource.defaults(to)
      const faults = validate(to as KubeObject, old)
      if (faults.length) throw invalid(resource.kind, old.metadata.name, faults)
      return to
    }
    return outcomeOf(resource, await updateObject(ctx, { resource, ref: route, subresource: route.subresource, manager, user: request.user, dryRun, propose }))
  }

const fixed = (object: Mutable<KubeObject>) => () => object
