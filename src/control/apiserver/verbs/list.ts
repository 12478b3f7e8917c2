import { StatusError } from '../../../base/machinery/status-error.ts'
import { CompactedError, FutureRevisionError } from '../../store/store.ts'
import type { Call, ServerContext } from '../context.ts'
import { badRequest, expired } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import { parseSelection } from '../selection.ts'
import type { Item } from '../storage/item.ts'
import { prefixOf } from '../storage/object-storage.ts'

interface Continue {
  readonly revision: number
  readonly start: string
}

export function listVerb(ctx: ServerContext, call: Call): Outcome {
  const { route, resource, request } = call
  const selection = parseSelection(resource, request.query)
  const limit = integer(request.query, 'limit')
  const place = startOf(ctx, call)
  const collected: Item[] = []
  let start = place.start
  for (;;) {
    const wanted = limit ? limit - collected.length : undefined
    const range = readRange(ctx, call, { ...place, start, limit: wanted })
    collected.push(...(selection ? range.items.filter((item) => selection(item.object)) : range.items))
    const full = limit !== undefined && limit > 0 && collected.length >= limit
    if (!range.next || full) {
      const revision = place.at ?? range.revision
      if (!range.next) return { type: 'list', resource, items: collected, revision }
      const next = encodeContinue({ revision, start: range.next.slice(prefixOf(resource.kind, route.namespace).length) })
      return { type: 'list', resource, items: collected, revision, next, ...(selection ? {} : { remaining: range.remaining }) }
    }
    start = range.next
    place.at ??= range.revision
  }
}

interface Place {
  start?: string | undefined
  at?: number | undefined
  limit?: number | undefined
}

function readRange(ctx: ServerContext, { route, resource, request }: Call, { start, at, limit }: Place) {
  const options = { ...(start === undefined ? {} : { start }), ...(at === undefined ? {} : { at }), ...(limit ? { limit } : {}) }
  try {
    return ctx.storage.list(resource, route.namespace || undefined, options)
  } catch (error) {
    if (error instanceof FutureRevisionError) throw tooLarge(at ?? 0, ctx.storage.revision)
    if (!(error instanceof CompactedError)) throw error
    if (!request.query.get('continue')) throw expired(`The resourceVersion for the provided list is too old.`)
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    )
  }
}

function startOf(ctx: ServerContext, { route, resource, request }: Call): Place {
  const { query } = request
  const [token, match, version] = [query.get('continue'), query.get('resourceVersionMatch'), query.get('resourceVersion') ?? '']
  if (match && !['Exact', 'NotOlderThan'].includes(match)) {
    throw listOptionsInvalid(`resourceVersionMatch: Unsupported value: "${match}": supported values: "Exact", "NotOlderThan", ""`)
  }
  if (match && !version && query.get('sendInitialEvents') === null) {
    throw listOptionsInvalid('resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided')
  }
  const revision = parseRevision(version)
  if (token) {
    if (revision) throw badRequest('specifying resource version is not allowed when using continue')
    const place = decodeContinue(token)
    return { at: place.revision, start: prefixOf(resource.kind, route.namespace || undefined) + place.start }
  }
  if (revision > ctx.storage.revision) throw tooLarge(revision, ctx.storage.revision)
  return match === 'Exact' ? { at: revision } : {}
}

const listOptionsInvalid = (fault: string) =>
  new StatusError('Invalid', `ListOptions.meta.k8s.io "" is invalid: ${fault}`, { group: 'meta.k8s.io', kind: 'ListOptions' })

/** Upstream answers so when a client has seen a later revision than the server holds. */
export const tooLarge = (asked: number, current: number) =>
  new StatusError('Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] as never,
  })

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

const encodeContinue = ({ revision, start }: Continue): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })).toString('base64url')

function decodeContinue(token: string): Continue {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { v?: unknown; rv?: unknown; start?: unknown }
    if (v === 'meta.k8s.io/v1' && typeof rv === 'number' && Number.isSafeInteger(rv) && rv > 0 && typeof start === 'string') return { revision: rv, start }
  } catch {
    // Falls through to the refusal.
  }
  throw badRequest('continue key is not valid: illegal base64 data or unknown version')
}
