import type { Kind } from '../../../base/api/kind.ts'
import { mutableCopy, type KubeObject, type Mutable } from '../../../base/api/object.ts'
import { applyJsonPatch, mergePatch, strategicMergePatch } from '../../../base/machinery/patch.ts'
import { isStatusError } from '../../../base/machinery/status-error.ts'
import { mediaTypeOf, readPatch, toObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { badRequest, invalid, methodNotAllowed, unsupportedMediaType } from '../errors.ts'
import { outcomeOf, type Outcome } from '../outcome.ts'
import { createObject } from '../storage/create-object.ts'
import { unborn } from '../storage/field-ownership.ts'
import { updateObject } from '../storage/update-object.ts'
import { prepareApply } from './apply.ts'
import { applyType, writeOptions, type WriteOptions } from './write-options.ts'

type Json = Record<string, unknown>

const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', applyType]

export async function patchVerb(ctx: ServerContext, call: Call): Promise<Outcome> {
  const { resource, route, request } = call
  if (!route.name) throw methodNotAllowed()
  const options = writeOptions(call, 'PatchOptions')
  const { dryRun, manager } = options
  const patched = preparePatch(ctx, call, options)
  if (manager.operation === 'Apply' && !ctx.storage.get(resource, route)) {
    const object = patched(unborn(resource, route))
    return outcomeOf(resource, await createObject(ctx, { resource, object, namespace: route.namespace, manager, user: request.user, dryRun }), 201)
  }
  const written = await updateObject(ctx, { resource, ref: route, subresource: '', manager, user: request.user, dryRun, propose: patched })
  return outcomeOf(resource, written)
}

/** Reads the patch once and gives the function that applies it to a current state. */
export function preparePatch(ctx: ServerContext, call: Call, options: WriteOptions): (current: KubeObject) => Mutable<KubeObject> {
  return options.manager.operation === 'Apply' ? prepareApply(ctx, call, options) : prepareMerge(call, call.resource.kind, options)
}

/** The same for what is patched as an object of `kind`, by any patch but an apply. */
export function prepareMerge(call: Call, kind: Kind, { fieldValidation }: WriteOptions): (current: KubeObject) => Mutable<KubeObject> {
  const mediaType = mediaTypeOf(call)
  if (!patchTypes.includes(mediaType)) throw unsupportedMediaType(patchTypes)
  const patch = readPatch(call)
  const warningsBefore = call.warnings.length
  return (current) => {
    // It runs again after a lost race, and warns once.
    call.warnings.length = warningsBefore
    const result = apply({ mediaType, patch, type: kind.type }, mutableCopy(current) as unknown as Json)
    // What a strategic merge patch is refused with names the patch, the others the result.
    const shown = mediaType.includes('strategic') ? goText(patch) : JSON.stringify(result)
    return toObject(call, kind, result, { fieldValidation, refuse: (why) => patchInvalid(shown, why) })
  }
}

/** As upstream, a refusal that names no kind. */
const patchInvalid = (shown: string, why: string) =>
  invalid({ group: '', kind: '' }, '', [{ type: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${JSON.stringify(shown)}: ${why}` }])

/** A value as Go's `%+v` prints it: `map[spec:map[replicas:3]]`. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (value === null || value === undefined) return '<nil>'
  if (typeof value !== 'object') return String(value as string | number | boolean)
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `map[${entries.map(([key, one]) => `${key}:${goText(one)}`).join(' ')}]`
}

interface Patch {
  readonly mediaType: string
  readonly patch: unknown
  readonly type: string
}

function apply({ mediaType, patch, type }: Patch, current: Json): Json {
  if (mediaType === 'application/json-patch+json') return applyJsonPatch(current, patch)
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch))
    throw badRequest('error decoding patch: json: cannot unmarshal a patch that is not an object')
  try {
    return (mediaType.includes('strategic') ? strategicMergePatch(type, current, patch) : mergePatch(current, patch)) as Json
  } catch (error) {
    throw isStatusError(error) ? error : badRequest((error as Error).message)
  }
}
