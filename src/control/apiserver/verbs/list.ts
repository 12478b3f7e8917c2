import { CompactedError, FutureRevisionError } from '../../store/store.ts'
import type { Call, ServerContext } from '../context.ts'
import { badRequest, expired } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import { parseSelection, type Selection } from '../selection.ts'
import type { Item } from '../storage/item.ts'
import { prefixOf, type ItemRange } from '../storage/object-storage.ts'
import { decodeContinue, encodeContinue, latest } from './continue-token.ts'
import { checkListOptions, integer, isExact, parseRevision, tooLarge } from './list-options.ts'

/** Keys read at a time where a selection drops most of them. */
const selectiveChunk = 500

export function listVerb(ctx: ServerContext, call: Call): Outcome {
  const { resource, request } = call
  checkListOptions(request.query)
  const selection = parseSelection(resource, request.query)
  const limit = Math.max(0, integer(request.query, 'limit') ?? 0)
  const place = startOf(ctx, call)
  if (limit) place.limit = selection ? Math.max(limit, selectiveChunk) : limit
  const items: Item[] = []
  for (;;) {
    const range = readRange(ctx, call, place)
    place.at ??= range.revision
    const nextKey = collect(range, items, { limit, selection })
    if (nextKey === undefined) return { type: 'list', resource, items, revision: place.at }
    if (items.length >= limit) {
      const next = encodeContinue({ revision: place.at, start: nextKey.slice(listPrefix(call).length) })
      return { type: 'list', resource, items, revision: place.at, next, ...(selection ? {} : { remaining: range.remaining }) }
    }
    place.start = nextKey
  }
}

interface Wanted {
  /** 0: all of them. */
  readonly limit: number
  readonly selection: Selection | undefined
}

/** Takes what is wanted of a range; gives the key that the list goes on at, if there is more. */
function collect(range: ItemRange, items: Item[], { limit, selection }: Wanted): string | undefined {
  for (const item of range.items) {
    if (limit && items.length >= limit) return item.key
    if (!selection || selection(item.object)) items.push(item)
  }
  return range.next
}

const listPrefix = ({ route, resource }: Call): string => prefixOf(resource, route.namespace || undefined)

interface Place {
  start?: string | undefined
  /** Undefined: as it stands now. */
  at?: number | undefined
  limit?: number | undefined
}

function readRange(ctx: ServerContext, call: Call, { start, at, limit }: Place) {
  const options = { ...(start === undefined ? {} : { start }), ...(at === undefined ? {} : { at }), ...(limit ? { limit } : {}) }
  try {
    return ctx.storage.list(call.resource, call.route.namespace || undefined, options)
  } catch (error) {
    if (error instanceof FutureRevisionError) throw tooLarge(at ?? 0, ctx.storage.revision)
    if (!(error instanceof CompactedError)) throw error
    if (!call.request.query.get('continue')) throw expired('The resourceVersion for the provided list is too old.')
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      encodeContinue({ revision: latest, start: start!.slice(listPrefix(call).length) }),
    )
  }
}

function startOf(ctx: ServerContext, call: Call): Place {
  const { query } = call.request
  const token = query.get('continue')
  const revision = parseRevision(query.get('resourceVersion') ?? '')
  if (token) {
    if (revision) throw badRequest('specifying resource version is not allowed when using continue')
    const place = decodeContinue(token)
    return { at: place.revision === latest ? undefined : place.revision, start: listPrefix(call) + place.start }
  }
  if (revision > ctx.storage.revision) throw tooLarge(revision, ctx.storage.revision)
  return isExact(query) ? { at: revision } : {}
}
