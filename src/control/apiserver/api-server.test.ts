import { afterAll, beforeAll, expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
beforeAll(async () => {
  running = await startTestServer()
})
afterAll(() => running.stop())

const container = { name: 'app', image: 'example/app' }

test('creates, reads, lists and deletes through loopback', async () => {
  const { client } = running
  const created = await client.create(kinds.pods, { metadata: { name: 'one', namespace: 'default', labels: { app: 'one' } }, spec: { containers: [container] } })
  expect(created).toMatchObject({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'one', resourceVersion: expect.stringMatching(/^\d+$/) as string }, spec: { serviceAccountName: 'default' } })
  expect(await client.get(kinds.pods, { namespace: 'default', name: 'one' })).toEqual(created)
  const list = await client.list(kinds.pods, { labelSelector: 'app=one' })
  expect(list.items).toEqual([created])
  await client.delete(kinds.pods, { namespace: 'default', name: 'one' })
  await expect(client.get(kinds.pods, { namespace: 'default', name: 'one' })).rejects.toThrow('pods "one" not found')
})
