// Refusals worded as upstream's k8s.io/apimachinery/pkg/api/errors.
import type { Kind } from '../../base/api/kind.ts'
import type { FieldFault } from '../../base/api/resource.ts'
import { StatusError } from '../../base/machinery/status-error.ts'

type Address = Pick<Kind, 'group' | 'plural'>

const qualified = (kind: Address): string => (kind.group ? `${kind.plural}.${kind.group}` : kind.plural)
const detailsOf = (kind: Address, name: string) => ({ ...(name ? { name } : {}), ...(kind.group ? { group: kind.group } : {}), kind: kind.plural })

export const notFound = (kind: Address, name: string) => new StatusError('NotFound', `${qualified(kind)} "${name}" not found`, detailsOf(kind, name))
export const alreadyExists = (kind: Address, name: string) =>
  new StatusError('AlreadyExists', `${qualified(kind)} "${name}" already exists`, detailsOf(kind, name))
/** The server tried several names, and each was taken. */
export const noUniqueName = (kind: Address, name: string) =>
  new StatusError('AlreadyExists', `${qualified(kind)} "${name}" already exists, the server was not able to generate a unique name for the object`, {
    ...detailsOf(kind, name),
    retryAfterSeconds: 1,
  })
export const conflict = (kind: Address, name: string, why: string) =>
  new StatusError('Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, detailsOf(kind, name))
export const modified = (kind: Address, name: string) =>
  conflict(kind, name, 'the object has been modified; please apply your changes to the latest version and try again')
export const forbidden = (kind: Address, name: string, why: string) =>
  new StatusError('Forbidden', name ? `${qualified(kind)} "${name}" is forbidden: ${why}` : `${qualified(kind)} is forbidden: ${why}`, detailsOf(kind, name))
export const badRequest = (message: string) => new StatusError('BadRequest', message)
export const unauthorized = (message = 'Unauthorized') => new StatusError('Unauthorized', message)
export const internal = (message: string, cause?: unknown) =>
  new StatusError('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] as never }, { cause })
export const noSuchPath = () => new StatusError('NotFound', 'the server could not find the requested resource', {})
export const methodNotAllowed = () => new StatusError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {})
/** `next`: a token by which the client may go on all the same. */
export const expired = (message: string, next?: string) => new StatusError('Expired', message, undefined, next ? { metadata: { continue: next } } : {})
export const unsupportedMediaType = (accepted: readonly string[]) =>
  new StatusError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`)
export const notAcceptable = (accepted: readonly string[]) =>
  new StatusError('NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`)

/** 422 with a cause a field: `Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: must be …`. */
export function invalid(kind: Pick<Kind, 'group' | 'kind'>, name: string, faults: readonly FieldFault[]): StatusError {
  const texts = [...new Set(faults.map((fault) => `${fault.field}: ${fault.message}`))]
  const what = kind.group ? `${kind.kind}.${kind.group}` : kind.kind
  const causes = faults.map((fault) => ({ reason: fault.type, message: fault.message, field: fault.field }))
  const message = `${what} "${name}" is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`
  return new StatusError('Invalid', message, {
    ...(name ? { name } : {}),
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.kind,
    causes: causes as never,
  })
}
