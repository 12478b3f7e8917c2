import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAsk } from './testing/ask.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

let running: TestServer
beforeAll(async () => {
  running = await startTestServer()
})
afterAll(() => running.stop())
const ask = createAsk(() => running.server)

test('every kind of discovery is described in the document of its group', async () => {
  const { body: index } = await ask('/openapi/v3')
  const { body: groups } = await ask('/apis')
  const missing: string[] = []
  for (const place of [
    'api/v1',
    ...groups.groups.map(({ preferredVersion }: { preferredVersion: { groupVersion: string } }) => `apis/${preferredVersion.groupVersion}`),
  ]) {
    const { body: discovered } = await ask(`/${place}`)
    const { body: document } = await ask(index.paths[place].serverRelativeURL)
    for (const { name, namespaced, kind } of discovered.resources) {
      if (name.includes('/')) continue
      const path = `/${place}/${namespaced ? 'namespaces/{namespace}/' : ''}${name}`
      if (document.paths[path]?.post?.['x-kubernetes-group-version-kind']?.kind !== kind) missing.push(path)
    }
  }
  expect(missing).toEqual([])
})
