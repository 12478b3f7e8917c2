import { afterAll, beforeAll, expect, it } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { decodeProtobufEnvelope } from '../../base/machinery/protobuf.ts'
import { WireReader } from '../../base/machinery/wire-reader.ts'
import { createAsk } from './testing/ask.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
const ask = createAsk(() => running.server)
const accept = 'application/vnd.kubernetes.protobuf'
const asProtobuf = { headers: { accept } }
const path = '/api/v1/namespaces/default/configmaps'

beforeAll(async () => {
  running = await startTestServer()
  for (const name of ['a', 'b']) await running.client.create(kinds.configMaps, { metadata: { name, namespace: 'default' }, data: { k: name } })
})
afterAll(() => running.stop())

it('answers an object, a list and a refusal as protobuf', async () => {
  const one = await ask(`${path}/a`, asProtobuf)
  expect(one.response.headers?.['content-type']).toBe(accept)
  expect(decodeProtobufEnvelope(one.response.body as Uint8Array)).toMatchObject({
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name: 'a' },
    data: { k: 'a' },
  })
  const all = decodeProtobufEnvelope((await ask(`${path}?limit=1`, asProtobuf)).response.body as Uint8Array)
  expect(all).toMatchObject({ kind: 'ConfigMapList', metadata: { remainingItemCount: 1 }, items: [{ metadata: { name: 'a' }, data: { k: 'a' } }] })
  const refused = await ask(`${path}/none`, asProtobuf)
  expect([refused.status, decodeProtobufEnvelope(refused.response.body as Uint8Array)]).toMatchObject([404, { kind: 'Status', reason: 'NotFound' }])
})

it('answers metadata only as protobuf, of a list too', async () => {
  const headers = { accept: `${accept};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1` }
  const list = decodeProtobufEnvelope((await ask(path, { headers })).response.body as Uint8Array)
  expect(list).toMatchObject({
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
  })
})

it('sends a watch in frames', async () => {
  const { response } = await ask(`${path}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1`, {
    headers: { accept: `${accept};stream=watch` },
  })
  expect(response.headers?.['content-type']).toBe(`${accept};stream=watch`)
  const events: [string, string][] = []
  for await (const chunk of response.stream ?? []) events.push(eventOf(chunk as Uint8Array))
  expect(events.slice(0, 3)).toEqual([
    ['ADDED', 'a'],
    ['ADDED', 'b'],
    ['BOOKMARK', 'true'],
  ])
})

it('writes nothing for a client that could not read the answer', async () => {
  const body = { metadata: { name: 'unread' } }
  const headers = { accept: 'application/cbor', 'content-type': 'application/json' }
  expect((await ask(path, { method: 'POST', body, headers })).status).toBe(406)
  expect((await ask(`${path}/unread`)).status).toBe(404)
})

function eventOf(chunk: Uint8Array): [string, string] {
  const frame = Buffer.from(chunk)
  expect(frame.readUInt32BE(0)).toBe(frame.length - 4)
  const reader = new WireReader(frame.subarray(4))
  reader.tag()
  const type = Buffer.from(reader.bytes()).toString()
  reader.tag()
  const raw = new WireReader(reader.bytes())
  raw.tag()
  const { metadata } = decodeProtobufEnvelope(raw.bytes()) as unknown as { metadata: { name?: string; annotations?: Record<string, string> } }
  return [type, metadata.name || metadata.annotations?.['k8s.io/initial-events-end'] || '']
}
