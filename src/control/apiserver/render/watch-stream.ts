import type { KubeObject } from '../../../base/api/object.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Outcome, WatchRecord } from '../outcome.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import type { Wanted } from './negotiate.ts'
import { parseIncludeObject, partialMetadata, tableOf } from './table.ts'

type Watched = Extract<Outcome, { type: 'watch' }>

interface Rendering {
  readonly wanted: Wanted
  readonly request: ApiRequest
  readonly clock: Clock
}

/** One JSON line an event. */
export function renderWatch(outcome: Watched, rendering: Rendering): ApiResponse {
  const stream = rendering.wanted.as ? converted(outcome, rendering) : plain(outcome.records)
  return { status: 200, headers: { 'content-type': 'application/json' }, stream }
}

const lineOf = ({ type, item, object }: WatchRecord): Uint8Array | string =>
  item && type !== 'BOOKMARK' && type !== 'ERROR' ? item.watchLine(type) : `${JSON.stringify({ type, object })}\n`

async function* plain(records: AsyncIterable<WatchRecord>): AsyncIterable<Uint8Array | string> {
  for await (const record of records) yield lineOf(record)
}

async function* converted({ records, resource }: Watched, { wanted, request, clock }: Rendering): AsyncIterable<string> {
  const includeObject = parseIncludeObject(request.query)
  let withColumns = true
  for await (const { type, item, object } of records) {
    const source = item?.object ?? (object as KubeObject)
    let shown: object = source
    if (type !== 'ERROR' && wanted.as === 'Table') {
      const metadata = { resourceVersion: source.metadata.resourceVersion }
      shown = tableOf(resource, [source], { now: clock.now(), includeObject, version: wanted.version!, withColumns, metadata, blank: type === 'BOOKMARK' })
      withColumns = false
    } else if (type !== 'ERROR') shown = partialMetadata(source, wanted.version)
    yield `${JSON.stringify({ type, object: shown })}\n`
  }
}
