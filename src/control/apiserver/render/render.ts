import { stringify } from 'yaml'
import { apiVersionOf } from '../../../base/api/kind.ts'
import type { KubeObject } from '../../../base/api/object.ts'
import { typeNameOf } from '../../../base/api/schema.ts'
import type { Clock } from '../../../base/lib/clock.ts'
import { encodeProtobufEnvelope, listItemHead, listMetaField, protobufEnvelope } from '../../../base/machinery/protobuf-encode.ts'
import type { Outcome } from '../outcome.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { isTruthy } from '../route.ts'
import { negotiate, protobufType, type Offer, type Wanted } from './negotiate.ts'
import { parseIncludeObject, partialMetadata, tableOf } from './table.ts'
import { renderWatch } from './watch-stream.ts'

type Listed = Extract<Outcome, { type: 'list' }>

/** The outcome of a verb in the form that the client's Accept header asks for. */
export function render(outcome: Outcome, request: ApiRequest, clock: Clock): ApiResponse {
  if (outcome.type === 'response') return outcome.response
  const wanted = negotiate(request.headers['accept'], offerOf(outcome))
  if (outcome.type === 'watch') return renderWatch(outcome, { wanted, request, clock })
  const shown = { wanted, request, clock }
  if (outcome.type === 'list') return renderList(outcome, shown)
  const { status } = outcome
  if (wanted.as && outcome.resource)
    return written(status, convert(outcome.resource, outcome.type === 'item' ? outcome.item.object : (outcome.object as KubeObject), shown), shown)
  if (outcome.type === 'object') return written(status, outcome.object, shown)
  if (wanted.format === 'protobuf') return { status, headers: { 'content-type': protobufType }, body: outcome.item.envelope }
  return written(status, outcome.item.encoded, shown)
}

/** What is answered without being a resource (a Status, a review) is offered by its own kind. */
function offerOf(outcome: Exclude<Outcome, { type: 'response' }>): Offer {
  const isWatch = outcome.type === 'watch'
  if (outcome.resource) return { type: outcome.resource.kind.type, isWatch, hasForms: true }
  return { type: typeOf((outcome as Extract<Outcome, { type: 'object' }>).object), isWatch, hasForms: false }
}

function typeOf(object: { readonly apiVersion?: string; readonly kind?: string }): string | undefined {
  return typeNameOf(object.apiVersion ?? '', object.kind ?? '')
}

interface Shown {
  readonly wanted: Wanted
  readonly request: ApiRequest
  readonly clock: Clock
}

function convert(resource: Listed['resource'], object: KubeObject, { wanted, request, clock }: Shown): object {
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

function renderList(outcome: Listed, shown: Shown): ApiResponse {
  const { resource, items } = outcome
  const { wanted, request, clock } = shown
  const metadata = listMetadata(outcome)
  if (wanted.as === 'Table') {
    const options = { now: clock.now(), includeObject: parseIncludeObject(request.query), version: wanted.version!, withColumns: true, metadata }
    const objects = items.map((item) => item.object)
    return written(200, tableOf(resource, objects, options), shown)
  }
  if (wanted.as) {
    const apiVersion = `meta.k8s.io/${wanted.version}`
    return written(200, { kind: 'PartialObjectMetadataList', apiVersion, metadata, items: items.map((item) => partialMetadata(item.object)) }, shown)
  }
  if (wanted.format === 'protobuf') return { status: 200, headers: { 'content-type': protobufType }, body: joinedMessages(outcome, metadata) }
  return written(200, concatenated(outcome, metadata), shown)
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

/** The same of their messages. */
function joinedMessages({ resource: { kind }, items }: Listed, metadata: object): Uint8Array {
  const pieces = [listMetaField(metadata)]
  for (const { message } of items) pieces.push(listItemHead(message.length), message)
  return protobufEnvelope({ apiVersion: apiVersionOf(kind), kind: `${kind.kind}List` }, pieces)
}

/** Bytes are JSON; an object becomes what is wanted. */
function written(status: number, body: Uint8Array | object, { wanted: { format, pretty }, request }: Shown): ApiResponse {
  if (format === 'yaml') return { status, headers: { 'content-type': 'application/yaml' }, body: stringify(plain(body), { aliasDuplicateObjects: false }) }
  if (format === 'protobuf') return { status, headers: { 'content-type': protobufType }, body: encodeProtobufEnvelope(body as { kind: string })! }
  const headers = { 'content-type': 'application/json' }
  return { status, headers, body: pretty || wantsPretty(request) ? JSON.stringify(plain(body), null, 2) : body }
}

const plain = (body: Uint8Array | object): unknown => (body instanceof Uint8Array ? JSON.parse(Buffer.from(body).toString()) : body)

/** As upstream: who asks by hand reads indented JSON. */
function wantsPretty({ query, headers }: ApiRequest): boolean {
  const asked = query.get('pretty')
  return asked ? isTruthy(asked) : /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '')
}

/** A refusal in the form that was asked for, or in JSON where there is no such form. */
export function renderStatus(status: object, code: number, request: Pick<ApiRequest, 'headers' | 'query'>): ApiResponse {
  const shown = { request: request as ApiRequest, clock: undefined as never }
  try {
    return written(code, status, { ...shown, wanted: negotiate(request.headers['accept'], { type: 'meta/v1.Status', isWatch: false, hasForms: false }) })
  } catch {
    return written(code, status, { ...shown, wanted: { format: 'json', pretty: false } })
  }
}
