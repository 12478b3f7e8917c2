import type { FieldFault } from '../../../base/api/resource.ts'
import type { StatusError } from '../../../base/machinery/status-error.ts'
import { mediaTypeOf } from '../body.ts'
import type { Call } from '../context.ts'
import { invalid } from '../errors.ts'
import type { FieldManager } from '../storage/field-ownership.ts'

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface WriteOptions {
  readonly dryRun: boolean
  readonly fieldValidation: FieldValidation
  readonly manager: FieldManager
  /** An apply takes what others own. */
  readonly force: boolean
}

export const applyType = 'application/apply-patch+yaml'
const maxManagerBytes = 128

/** The query of every write: dryRun, fieldValidation, fieldManager, force. */
export function writeOptions(call: Call, options: string): WriteOptions {
  const { query } = call.request
  const dryRun = query.getAll('dryRun').filter(Boolean)
  const unknown = dryRun.find((value) => value !== 'All')
  if (unknown !== undefined) throw optionsInvalid(options, `dryRun: Unsupported value: ["${unknown}"]: supported values: "All"`)
  const fieldValidation = query.get('fieldValidation') || 'Warn'
  if (!['Strict', 'Warn', 'Ignore'].includes(fieldValidation)) {
    throw optionsInvalid(options, `fieldValidation: Unsupported value: "${fieldValidation}": supported values: "Ignore", "Strict", "Warn"`)
  }
  const force = isTrue(query.get('force'))
  const manager = managerOf(call)
  checkManager(query, manager)
  return { dryRun: dryRun.length > 0, fieldValidation: fieldValidation as FieldValidation, manager, force }
}

/** As Go's strconv.ParseBool reads it; given without a value it is set. */
const isTrue = (text: string | null): boolean => text !== null && ['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)

/** The name under which a write owns fields: as asked for, or the first part of the User-Agent. */
export function managerOf(call: Call): FieldManager {
  const { query, headers } = call.request
  const operation = call.route.verb === 'patch' && mediaTypeOf(call) === applyType ? 'Apply' : 'Update'
  return { name: query.get('fieldManager') || printable((headers['user-agent'] ?? '').split('/')[0]!) || 'unknown', operation }
}

function printable(text: string): string {
  const kept = [...text].filter((character) => /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character))
  while (Buffer.byteLength(kept.join('')) > maxManagerBytes) kept.pop()
  return kept.join('')
}

function checkManager(query: URLSearchParams, { operation }: FieldManager): void {
  const name = query.get('fieldManager') ?? ''
  const refuse = (fault: string) => optionsInvalid('PatchOptions', fault)
  if (operation === 'Apply' && !name) throw refuse('fieldManager: Required value: is required for apply patch')
  if (operation === 'Update' && query.has('force')) throw refuse('force: Forbidden: may not be specified for non-apply patch')
  if (Buffer.byteLength(name) > maxManagerBytes) throw refuse(`fieldManager: Too long: may not be more than ${maxManagerBytes} bytes`)
  if (printable(name) !== name) throw refuse(`fieldManager: Invalid value: ${JSON.stringify(name)}: should only contain printable characters`)
}

const faultTypes: readonly (readonly [string, FieldFault['type']])[] = [
  ['Required value', 'FieldValueRequired'],
  ['Unsupported value', 'FieldValueNotSupported'],
  ['Forbidden', 'FieldValueForbidden'],
  ['Too long', 'FieldValueTooLong'],
]

/** `fault` is a field and what is wrong with it: `force: Forbidden: …`. */
export function optionsInvalid(kind: string, fault: string): StatusError {
  const [field = '', ...rest] = fault.split(': ')
  const message = rest.join(': ')
  const type = faultTypes.find(([prefix]) => message.startsWith(prefix))?.[1] ?? 'FieldValueInvalid'
  return invalid({ group: 'meta.k8s.io', kind }, '', [{ type, field, message }])
}
