// Server-side apply: `application/apply-patch+yaml`.
import { apiVersionOf, type Kind } from '../../../base/api/kind.ts'
import type { KubeObject, Mutable } from '../../../base/api/object.ts'
import { decodeObject } from '../../../base/machinery/decode.ts'
import { MissingKey } from '../../../base/machinery/managed-fields/walk.ts'
import { StatusError } from '../../../base/machinery/status-error.ts'
import { readApply, toObject } from '../body.ts'
import type { Call, ServerContext } from '../context.ts'
import { badRequest } from '../errors.ts'
import { applied, type FieldManager } from '../storage/field-ownership.ts'

export interface ApplyOptions {
  readonly manager: FieldManager
  readonly force: boolean
}

/** The configuration of an apply, held against the schema of `kind`; the caller's own. */
export function readConfiguration(call: Call, kind: Kind): KubeObject {
  const config = readApply(call)
  if (config === null || typeof config !== 'object' || Array.isArray(config)) throw badRequest('error decoding YAML: the body is not an object')
  const { apiVersion = '', kind: name = '' } = config as Partial<KubeObject>
  if (apiVersion !== apiVersionOf(kind)) {
    throw badRequest(`Incorrect version specified in apply patch. Specified patch version: ${apiVersion || '/'}, expected: ${apiVersionOf(kind)}`)
  }
  if (name !== kind.kind)
    throw badRequest(`${name} in version "${kind.version}" cannot be handled as a ${kind.kind}: no kind "${name}" is registered for this resource`)
  const { unknownFields } = decodeObject(kind.type, config)
  if (unknownFields.length)
    throw untyped(
      config as KubeObject,
      unknownFields.map((text) => text.replace(/^unknown field "(.*)"$/, '.$1: field not declared in schema')),
    )
  return config as KubeObject
}

/** As upstream: no reason, code 500, though it is the client's fault. */
function untyped({ metadata, apiVersion, kind }: KubeObject, faults: readonly string[]): StatusError {
  const why = faults.length === 1 ? faults[0] : ['errors:', ...faults.map((fault) => `  ${fault}`)].join('\n')
  const who = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}; ${apiVersion}, Kind=${kind}`
  return new StatusError('' as never, `failed to create typed patch object (${who}): ${why}`, undefined, { code: 500 })
}

/** Reads the configuration once and gives the function that applies it to a current state. */
export function prepareApply(ctx: ServerContext, call: Call, options: ApplyOptions): (live: KubeObject) => Mutable<KubeObject> {
  const config = readConfiguration(call, call.resource.kind)
  return (live) => applyConfig(ctx, call, { ...options, config })(live)
}

/** What a configuration makes of a live object, as an object of the kind. */
export const applyConfig =
  (ctx: ServerContext, call: Call, { config, ...options }: ApplyOptions & { readonly config: KubeObject }) =>
  (live: KubeObject): Mutable<KubeObject> => {
    const { resource, route } = call
    try {
      const result = applied(ctx, { resource, subresource: route.subresource, config, ...options }, live)
      return toObject(call, resource.kind, result, { fieldValidation: 'Ignore' })
    } catch (error) {
      throw error instanceof MissingKey ? untyped(config, [error.message]) : error
    }
  }
