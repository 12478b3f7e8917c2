import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { createAsk } from './testing/ask.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
beforeAll(async () => {
  running = await startTestServer()
})
afterAll(() => running.stop())
const ask = createAsk(() => running.server)
const scrape = async (): Promise<string[]> => String((await ask('/metrics')).body).split('\n')
const total = (labels: string) => `apiserver_request_total{${labels}}`
const place = (resource: string, scope: string) => `group="",version="v1",resource="${resource}",subresource="",scope="${scope}",component="apiserver"`

test('requests are counted by verb, resource, scope and code, through loopback and over the wire', async () => {
  await running.client.create(kinds.secrets, { metadata: { name: 'counted', namespace: 'default' }, type: 'Opaque' })
  await ask('/api/v1/namespaces/default/secrets/counted')
  await ask('/api/v1/namespaces/default/secrets/none')
  await ask('/api/v1/secrets')
  await ask('/api/v1/namespaces/default/secrets/counted?dryRun=All', { method: 'DELETE' })
  const lines = await scrape()
  for (const line of [
    `${total(`verb="POST",dry_run="",${place('secrets', 'resource')},code="201"`)} 1`,
    `${total(`verb="GET",dry_run="",${place('secrets', 'resource')},code="200"`)} 1`,
    `${total(`verb="GET",dry_run="",${place('secrets', 'resource')},code="404"`)} 1`,
    `${total(`verb="LIST",dry_run="",${place('secrets', 'cluster')},code="200"`)} 1`,
    `${total(`verb="DELETE",dry_run="All",${place('secrets', 'resource')},code="200"`)} 1`,
    'apiserver_storage_objects{resource="secrets"} 1',
    'apiserver_current_inflight_requests{request_kind="mutating"} 0',
    'apiserver_current_inflight_requests{request_kind="readOnly"} 1',
  ]) {
    expect(lines).toContain(line)
  }
})

test('a watch is long-running until it ends', async () => {
  const gauge = `apiserver_longrunning_requests{verb="WATCH",${place('secrets', 'cluster')}}`
  const abort = new AbortController()
  const { response } = await ask('/api/v1/secrets?watch=true', { signal: abort.signal })
  expect(await scrape()).toContain(`${gauge} 1`)
  abort.abort()
  for await (const _ of response.stream ?? []) void _
  expect(await scrape()).toContain(`${gauge} 0`)
})

test('what is not served makes no new label', async () => {
  for (const path of ['/api/v1/inventions', '/apis/example.com/v1/things/x', '/api/v1/namespaces/x/pods/y/nothing', '/somewhere/else']) await ask(path)
  expect((await scrape()).filter((line) => /inventions|example|things|nothing|somewhere/.test(line))).toEqual([])
})
