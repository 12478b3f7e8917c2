// The faults of fields, worded as upstream's field.Error.
import type { FieldFault, FieldFaultType } from '../resource.ts'

const titles: Record<FieldFaultType, string> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueNotFound: 'Not found',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
}

const fault = (type: FieldFaultType, field: string, parts: readonly string[]): FieldFault => ({
  type,
  field,
  message: [titles[type], ...parts].filter((part) => part !== '').join(': '),
})

const shown = (value: unknown): string => (value === undefined ? 'null' : JSON.stringify(value))

export const required = (field: string, detail = ''): FieldFault => fault('FieldValueRequired', field, [detail])
export const invalid = (field: string, value: unknown, detail: string): FieldFault => fault('FieldValueInvalid', field, [shown(value), detail])
export const forbidden = (field: string, detail: string): FieldFault => fault('FieldValueForbidden', field, [detail])
export const duplicate = (field: string, value: unknown): FieldFault => fault('FieldValueDuplicate', field, [shown(value)])
export const notFound = (field: string, value: unknown): FieldFault => fault('FieldValueNotFound', field, [shown(value)])
export const tooLong = (field: string, maxBytes: number): FieldFault => fault('FieldValueTooLong', field, [`may not be more than ${maxBytes} bytes`])
export const tooMany = (field: string, count: number, most: number): FieldFault =>
  fault('FieldValueTooMany', field, [String(count), `must have at most ${most} items`])
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldFault =>
  fault('FieldValueNotSupported', field, [shown(value), `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`])

/** One invalid-value fault for each of the details. */
export const invalidAll = (field: string, value: unknown, details: readonly string[]): FieldFault[] => details.map((detail) => invalid(field, value, detail))

/** Required when empty, unsupported when not one of these. */
export const oneOf = (field: string, value: string | undefined, supported: readonly string[]): FieldFault[] => {
  if (value === undefined || value === '') return [required(field)]
  return supported.includes(value) ? [] : [notSupported(field, value, supported)]
}

export const nonNegative = (field: string, value: number | undefined): FieldFault[] =>
  value !== undefined && value < 0 ? [invalid(field, value, 'must be greater than or equal to 0')] : []

export const portNumber = (field: string, value: number | undefined): FieldFault[] =>
  value === undefined || value < 1 || value > 65535 || !Number.isInteger(value) ? [invalid(field, value ?? 0, 'must be between 1 and 65535, inclusive')] : []

export const immutable = (field: string, value: unknown, changed: boolean): FieldFault[] => (changed ? [invalid(field, value, 'field is immutable')] : [])

/** A fault for each element whose key was there before. */
export const unique = <T>(items: readonly T[], keyOf: (item: T) => string | undefined, fieldOf: (index: number) => string): FieldFault[] => {
  const seen = new Set<string>()
  return items.flatMap((item, index) => {
    const key = keyOf(item)
    if (!key) return []
    if (seen.has(key)) return [duplicate(fieldOf(index), key)]
    seen.add(key)
    return []
  })
}
