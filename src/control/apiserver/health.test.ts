import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAsk } from './testing/ask.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
let synced = false
beforeAll(async () => {
  running = await startTestServer({ healthChecks: [{ name: 'informer-sync', readyOnly: true, check: () => synced }] })
})
afterAll(() => running.stop())
const ask = createAsk(() => running.server)

test('the server is alive before it is ready, and says why it is not', async () => {
  expect((await ask('/livez')).body).toBe('ok')
  const refused = await ask('/readyz')
  expect([refused.status, refused.body]).toEqual([500, '[+]ping ok\n[+]store ok\n[-]informer-sync failed: reason withheld\nreadyz check failed\n'])
  synced = true
  expect((await ask('/readyz')).body).toBe('ok')
})

test.each([
  ['/healthz?verbose', '[+]ping ok\n[+]store ok\nhealthz check passed\n'],
  ['/readyz?verbose&exclude=store', '[+]ping ok\n[+]store excluded: ok\n[+]informer-sync ok\nreadyz check passed\n'],
  [
    '/livez?verbose&exclude=informer-sync&exclude=etcd',
    '[+]ping ok\n[+]store ok\nwarn: some health checks cannot be excluded: no matches for "etcd","informer-sync"\nlivez check passed\n',
  ],
  ['/livez/ping', 'ok'],
  ['/readyz/informer-sync', 'ok'],
])('%s', async (path, text) => {
  expect((await ask(path)).body).toBe(text)
})

test('a check that is not there is no path', async () => {
  expect((await ask('/livez/informer-sync')).status).toBe(404)
})
