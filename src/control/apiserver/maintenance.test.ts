import { expect, test } from 'vitest'
import * as kinds from '../../base/api/kinds.ts'
import { FakeClock } from '../../base/lib/clock.ts'
import { MemoryStore } from '../store/memory-store.ts'
import { CompactedError } from '../store/store.ts'
import { startTestServer } from './testing/test-server.ts'

const minutes = (count: number) => count * 60_000

async function maintained() {
  const [clock, store, stop] = [new FakeClock(), new MemoryStore(), new AbortController()]
  const { server, client } = await startTestServer({ clock, store })
  const done = server.maintain(stop.signal)
  const end = async () => {
    stop.abort()
    await done
    await store.close()
  }
  return { clock, store, client, end }
}

const configMap = (name: string) => ({ metadata: { name, namespace: 'default' } })
const event = (name: string, more: object = {}) => ({
  metadata: { name, namespace: 'default' },
  involvedObject: { kind: 'Pod', namespace: 'default', name: 'a' },
  reason: 'Tested',
  ...more,
})

test('history is kept for at least five minutes, then forgotten', async () => {
  const { clock, store, client, end } = await maintained()
  const first = store.revision
  await client.create(kinds.configMaps, configMap('one'))
  const second = store.revision
  await clock.advance(minutes(5))
  expect(store.list('/', { at: second }).revision).toBe(second)
  expect(() => store.list('/', { at: first - 1 })).toThrow(CompactedError)
  await clock.advance(minutes(5))
  await client.create(kinds.configMaps, configMap('two'))
  expect(() => store.list('/', { at: first })).toThrow(CompactedError)
  expect(store.list('/', { at: second }).revision).toBe(second)
  await end()
})

test('an Event goes an hour after it was last seen', async () => {
  const { clock, client, end } = await maintained()
  await client.create(kinds.events, event('old'))
  await client.create(kinds.events, event('repeated', { lastTimestamp: new Date(clock.now() + minutes(30)).toISOString() }))
  const names = async () => (await client.list(kinds.events)).items.map(({ metadata }) => metadata.name)
  await clock.advance(minutes(55))
  expect(await names()).toEqual(['old', 'repeated'])
  await clock.advance(minutes(5))
  expect(await names()).toEqual(['repeated'])
  await clock.advance(minutes(30))
  expect(await names()).toEqual([])
  await end()
})
