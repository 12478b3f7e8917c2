// The query of a list or watch, held against upstream's rules for ListOptions.
import type { FieldFault } from '../../../base/api/resource.ts'
import { StatusError } from '../../../base/machinery/status-error.ts'
import { badRequest, invalid } from '../errors.ts'
import { isTruthy } from '../route.ts'

const [exact, notOlderThan] = ['Exact', 'NotOlderThan']

const forbidden = (field: string, why: string): FieldFault => ({ type: 'FieldValueForbidden', field, message: `Forbidden: ${why}` })
const notSupported = (value: string, supported: readonly string[]): FieldFault => ({
  type: 'FieldValueNotSupported',
  field: 'resourceVersionMatch',
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
})

export function checkListOptions(query: URLSearchParams): void {
  const [match, version] = [query.get('resourceVersionMatch') ?? '', query.get('resourceVersion') ?? '']
  refuse([
    ...(match ? matchFaults(match, version, Boolean(query.get('continue'))) : []),
    ...(query.get('sendInitialEvents') === null ? [] : [forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list')]),
  ])
}

function matchFaults(match: string, version: string, continued: boolean): FieldFault[] {
  return [
    ...(version ? [] : [forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided')]),
    ...(continued ? [forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided')] : []),
    ...(match === exact || match === notOlderThan ? [] : [notSupported(match, [exact, notOlderThan, ''])]),
    ...(match === exact && version === '0' ? [forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')] : []),
  ]
}

export function checkWatchOptions(query: URLSearchParams): void {
  const [match, initial] = [query.get('resourceVersionMatch') ?? '', query.get('sendInitialEvents')]
  refuse([
    ...(initial !== null && match !== notOlderThan
      ? [forbidden('resourceVersionMatch', `sendInitialEvents requires setting resourceVersionMatch to ${notOlderThan}`)]
      : []),
    ...(match && initial === null
      ? [forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')]
      : []),
    ...(match && match !== notOlderThan ? [notSupported(match, [notOlderThan])] : []),
    ...(match && query.get('continue') ? [forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided')] : []),
  ])
}

function refuse(faults: readonly FieldFault[]): void {
  if (faults.length) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', faults)
}

export const isExact = (query: URLSearchParams): boolean => query.get('resourceVersionMatch') === exact

/** Whether the watch begins with what there is: asked for, or from no particular revision. */
export const wantsInitialEvents = (query: URLSearchParams, revision: number): boolean => {
  const asked = query.get('sendInitialEvents')
  return asked === null ? revision === 0 : isTruthy(asked)
}

/** Upstream answers so when a client has seen a later revision than the server holds. */
export const tooLarge = (asked: number, current: number) =>
  new StatusError('Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] as never,
  })

/** 0: none, or whatever is there. */
export function parseRevision(text: string): number {
  if (text === '') return 0
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw badRequest(`resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
  return Number(text)
}

export function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`)
  return Number(text)
}
