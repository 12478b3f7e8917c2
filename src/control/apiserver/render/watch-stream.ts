import type { KubeObject } from '../../../base/api/object.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import { encodeProtobufEnvelope, watchFrame } from '../../../base/machinery/protobuf-encode.ts'
import type { Outcome, WatchRecord } from '../outcome.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import type { Item } from '../storage/item.ts'
import { protobufType, type Wanted } from './negotiate.ts'
import { parseIncludeObject, partialMetadata, tableOf } from './table.ts'

type Watched = Extract<Outcome, { type: 'watch' }>

interface Rendering {
  readonly wanted: Wanted
  readonly request: ApiRequest
  readonly clock: Clock
}

/** One JSON line an event, or one protobuf frame. */
export function renderWatch(outcome: Watched, rendering: Rendering): ApiResponse {
  const { as, format } = rendering.wanted
  const isProtobuf = format === 'protobuf'
  const wire = isProtobuf ? frames : lines
  return {
    status: 200,
    headers: { 'content-type': isProtobuf ? `${protobufType};stream=watch` : 'application/json' },
    stream: as ? converted(outcome, rendering, wire) : plain(outcome.records, wire),
  }
}

type Written = Uint8Array | string

interface Wire {
  item(type: 'ADDED' | 'MODIFIED' | 'DELETED', item: Item): Written
  object(type: string, object: object): Written
}

const lines: Wire = {
  item: (type, item) => item.watchLine(type),
  object: (type, object) => `${JSON.stringify({ type, object })}\n`,
}

const frames: Wire = {
  item: (type, item) => item.watchFrame(type),
  object: (type, object) => watchFrame(type, encodeProtobufEnvelope(object)!),
}

const recordOn = (wire: Wire, { type, item, object }: WatchRecord): Written =>
  item && type !== 'BOOKMARK' && type !== 'ERROR' ? wire.item(type, item) : wire.object(type, object!)

async function* plain(records: AsyncIterable<WatchRecord>, wire: Wire): AsyncIterable<Written> {
  for await (const record of records) yield recordOn(wire, record)
}

async function* converted({ records, resource }: Watched, { wanted, request, clock }: Rendering, wire: Wire): AsyncIterable<Written> {
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
    yield wire.object(type, shown)
  }
}
