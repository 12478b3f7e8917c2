import { parse as parseYaml } from 'yaml'
import { apiVersionOf, type Kind } from '../../base/api/kind.ts'
import type { KubeObject, Mutable } from '../../base/api/object.ts'
import { decodeObject } from '../../base/machinery/decode.ts'
import { duplicateFields } from '../../base/machinery/duplicate-fields.ts'
import { isTooDeep } from '../../base/machinery/json-depth.ts'
import { decodeProtobufEnvelope } from '../../base/machinery/protobuf.ts'
import type { StatusError } from '../../base/machinery/status-error.ts'
import type { DeleteOptions } from '../../base/client/client.ts'
import type { Call } from './context.ts'
import { badRequest, unsupportedMediaType } from './errors.ts'
import type { FieldValidation } from './verbs/write-options.ts'

const bodyTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf']

export const mediaTypeOf = (call: Call): string => (call.request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()

/** The body as plain JSON: parsed, not yet held against a schema. Undefined for an empty body. */
export function readJson(call: Call): unknown {
  const { body } = call.request
  if (body === undefined) return undefined
  if (!(body instanceof Uint8Array)) return structuredClone(body)
  if (body.length === 0) return undefined
  const mediaType = mediaTypeOf(call) || 'application/json'
  if (mediaType === 'application/vnd.kubernetes.protobuf') return parseOr400(() => decodeProtobufEnvelope(body))
  if (isTooDeep(body)) throw badRequest("couldn't get version/kind; json parse error: exceeded max depth")
  const text = Buffer.from(body).toString()
  if (mediaType === 'application/json') return parseOr400(() => JSON.parse(text) as unknown)
  if (mediaType === 'application/yaml' || mediaType === 'text/yaml') return parseOr400(() => yamlToJson(text))
  throw unsupportedMediaType(bodyTypes)
}

/** The body of a PATCH, whatever its media type: JSON or YAML. */
export function readPatch(call: Call): unknown {
  const { body } = call.request
  if (body === undefined) throw badRequest('error decoding patch: unexpected end of JSON input')
  if (!(body instanceof Uint8Array)) return structuredClone(body)
  return parseOr400(() => JSON.parse(Buffer.from(body).toString()) as unknown)
}

/** The body of an apply: YAML, of which JSON is a part. */
export function readApply(call: Call): unknown {
  const { body } = call.request
  if (body === undefined) throw badRequest('error decoding YAML: the body is empty')
  if (!(body instanceof Uint8Array)) return structuredClone(body)
  const text = Buffer.from(body).toString()
  try {
    return text.startsWith('{') ? (JSON.parse(text) as unknown) : yamlToJson(text)
  } catch (error) {
    throw badRequest(`error decoding YAML: ${(error as Error).message}`)
  }
}

/** A tree, as JSON is: an alias becomes a copy, and one that contains itself is refused. */
const yamlToJson = (text: string): unknown => JSON.parse(JSON.stringify(parseYaml(text) ?? null)) as unknown

function parseOr400<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${(error as Error).message}`)
  }
}

/** The body as an object of `kind`, held against its schema: the caller's own copy. */
export const readObject = (call: Call, kind: Kind, fieldValidation: FieldValidation): Mutable<KubeObject> =>
  toObject(call, kind, readJson(call), { fieldValidation })

interface Strictness {
  readonly fieldValidation: FieldValidation
  /** How a strict refusal is worded; default: as that of a whole object. */
  readonly refuse?: (why: string) => StatusError
}

/** Plain JSON as an object of `kind`. Unknown and duplicate fields are refused, warned of, or dropped in silence. */
export function toObject(call: Call, kind: Kind, value: unknown, { fieldValidation, refuse }: Strictness): Mutable<KubeObject> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): couldn't get version/kind; json parse error: the body is not an object`,
    )
  }
  const json = value as Record<string, unknown>
  const typeMeta = { kind: kind.kind, apiVersion: apiVersionOf(kind) }
  checkTypeMeta(kind, json)
  if (json['metadata'] === undefined || json['metadata'] === null) json['metadata'] = {}
  const decoded = decodeObject(kind.type, { ...json, ...typeMeta })
  const faults = fieldValidation === 'Ignore' ? [] : [...decoded.unknownFields, ...duplicatesOf(call)]
  if (faults.length && fieldValidation === 'Strict') {
    const why = `strict decoding error: ${faults.join(', ')}`
    throw refuse?.(why) ?? badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`)
  }
  call.warnings.push(...faults)
  return decoded.object as Mutable<KubeObject>
}

function duplicatesOf(call: Call): string[] {
  const { body } = call.request
  const isJson = ['', 'application/json'].includes(mediaTypeOf(call))
  return body instanceof Uint8Array && isJson ? duplicateFields(Buffer.from(body).toString()) : []
}

function checkTypeMeta(kind: Kind, json: Record<string, unknown>): void {
  const expected = apiVersionOf(kind)
  const [givenKind, apiVersion] = [textOf(json['kind']), textOf(json['apiVersion'])]
  if (apiVersion && apiVersion !== expected)
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`)
  if (givenKind && givenKind !== kind.kind) {
    throw badRequest(`${givenKind} in version "${kind.version}" cannot be handled as a ${kind.kind}: no kind "${givenKind}" is registered for this resource`)
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value))

interface DeleteBody extends DeleteOptions {
  readonly orphanDependents?: boolean
  readonly dryRun?: readonly string[]
}

/** The DeleteOptions of a DELETE's body, or none. */
export function readDeleteOptions(call: Call): DeleteBody {
  const json = readJson(call)
  if (json === undefined || json === null) return {}
  if (typeof json !== 'object' || Array.isArray(json)) throw badRequest('the body of a DELETE must be DeleteOptions')
  return decodeObject('meta/v1.DeleteOptions', json).object as unknown as DeleteBody
}
