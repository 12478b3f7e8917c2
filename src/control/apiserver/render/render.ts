import { stringify } from 'yaml'
import { apiVersionOf } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Outcome } from '../outcome.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { negotiate, type Wanted } from './negotiate.ts'
import { parseIncludeObject, partialMetadata, tableOf } from './table.ts'
import { renderWatch } from './watch-stream.ts'

type Listed = Extract<Outcome, { type: 'list' }>

const json = { 'content-type': 'application/json' }

/** The outcome of a verb in the form that the client's Accept header asks for. */
export function render(outcome: Outcome, request: ApiRequest, clock: Clock): ApiResponse {
  if (outcome.type === 'response') return outcome.response
  const wanted = negotiate(request.headers['accept'])
  if (outcome.type === 'watch') return renderWatch(outcome, { wanted, request, clock })
  const response = outcome.type === 'list' ? renderList(outcome, wanted, request, clock) : renderObject(outcome, wanted, request, clock)
  return wanted.format === 'yaml' ? asYaml(response) : response
}

function renderObject(outcome: Extract<Outcome, { type: 'item' | 'object' }>, wanted: Wanted, request: ApiRequest, clock: Clock): ApiResponse {
  const { status } = outcome
  if (wanted.as && outcome.resource) {
    const object = outcome.type === 'item' ? outcome.item.object : (outcome.object as KubeObject)
    return { status, headers: json, body: convert(outcome.resource, object, wanted, request, clock) }
  }
  return { status, headers: json, body: outcome.type === 'item' ? outcome.item.encoded : outcome.object }
}

function convert(resource: Listed['resource'], object: KubeObject, wanted: Wanted, request: ApiRequest, clock: Clock): object {
  if (wanted.as !== 'Table') return partialMetadata(object, wanted.version)
  const metadata = { resourceVersion: object.metadata.resourceVersion }
  return tableOf(resource, [object], {
    now: clock.now(),
    includeObject: parseIncludeObject(request.query),
    version: wanted.version!,
    withColumns: true,
    metadata,
  })
}

export const listMetadata = ({ revision, next, remaining }: Pick<Listed, 'revision' | 'next' | 'remaining'>): object => ({
  resourceVersion: String(revision),
  ...(next ? { continue: next } : {}),
  ...(remaining ? { remainingItemCount: remaining } : {}),
})

function renderList(outcome: Listed, wanted: Wanted, request: ApiRequest, clock: Clock): ApiResponse {
  const { resource, items } = outcome
  const metadata = listMetadata(outcome)
  if (wanted.as === 'Table') {
    const options = { now: clock.now(), includeObject: parseIncludeObject(request.query), version: wanted.version!, withColumns: true, metadata }
    return {
      status: 200,
      headers: json,
      body: tableOf(
        resource,
        items.map((item) => item.object),
        options,
      ),
    }
  }
  if (wanted.as) {
    const body = {
      kind: 'PartialObjectMetadataList',
      apiVersion: `meta.k8s.io/${wanted.version}`,
      metadata,
      items: items.map((item) => partialMetadata(item.object)),
    }
    return { status: 200, headers: json, body }
  }
  return { status: 200, headers: json, body: concatenated(outcome, metadata) }
}

/** A list is its items' own encodings between commas: nothing is decoded. */
function concatenated({ resource, items }: Listed, metadata: object): Uint8Array {
  const head = `{"kind":"${resource.kind.kind}List","apiVersion":"${apiVersionOf(resource.kind)}","metadata":${JSON.stringify(metadata)},"items":[`
  const comma = Buffer.from(',')
  const pieces: Uint8Array[] = [Buffer.from(head)]
  items.forEach((item, index) => {
    if (index > 0) pieces.push(comma)
    pieces.push(...item.pieces())
  })
  pieces.push(Buffer.from(']}\n'))
  return Buffer.concat(pieces)
}

function asYaml({ status, body }: ApiResponse): ApiResponse {
  const object: unknown = body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString()) : body
  return { status, headers: { 'content-type': 'application/yaml' }, body: stringify(object, { aliasDuplicateObjects: false }) }
}
