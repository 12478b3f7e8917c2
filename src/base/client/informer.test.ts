import { describe, expect, it } from 'vitest'
import { configMaps } from '../api/kinds.ts'
import { FakeClock } from '../lib/clock.ts'
import { silentLog } from '../lib/log.ts'
import { StatusError } from '../machinery/status-error.ts'
import { FakeClient } from './fake-client.ts'
import { createInformer } from './informer.ts'

const setUp = async () => {
  const clock = new FakeClock()
  const client = new FakeClient({ clock })
  await client.create(configMaps, { metadata: { name: 'a', namespace: 'x', labels: { app: 'web' } } })
  const abort = new AbortController()
  const start = () => createInformer(client, configMaps, { signal: abort.signal, clock, log: silentLog })
  return { clock, client, start, abort }
}

const toldBy = (informer: ReturnType<Awaited<ReturnType<typeof setUp>>['start']>) => {
  const told: string[] = []
  informer.onChange(({ old, object }) => told.push(`${old ? (object ? 'changed' : 'removed') : 'added'} ${(object ?? old)?.metadata.name}`))
  return told
}

describe('an informer', () => {
  it('tells what is there, then every change, and answers by key, namespace and index', async () => {
    const { clock, client, start } = await setUp()
    const informer = start()
    const told = toldBy(informer)
    informer.addIndex('app', (object) => [object.metadata.labels?.app ?? ''])
    await informer.synced
    await client.create(configMaps, { metadata: { name: 'b', namespace: 'y', labels: { app: 'web' } } })
    await client.patch(configMaps, { namespace: 'y', name: 'b' }, { metadata: { labels: { app: 'db' } } }, { type: 'merge' })
    await client.delete(configMaps, { namespace: 'x', name: 'a' })
    await clock.advance(0)
    expect(told).toEqual(['added a', 'added b', 'changed b', 'removed a'])
    expect(informer.list().map((object) => object.metadata.name)).toEqual(['b'])
    expect(informer.list('x')).toEqual([])
    expect(informer.byIndex('app', 'web')).toEqual([])
    expect(informer.byIndex('app', 'db')).toEqual([informer.get('y/b')])
  })

  it('lists again after 410 and tells the difference only', async () => {
    const { clock, client, start } = await setUp()
    const watch = client.watch.bind(client)
    let failNext = false
    client.watch = async function* (kind, options) {
      if (failNext) {
        failNext = false
        throw new StatusError('Expired', 'too old resource version')
      }
      for await (const event of watch(kind, options)) {
        yield event
        if (event.object.metadata.name === 'cut') return
      }
    }
    const informer = start()
    const told = toldBy(informer)
    await clock.advance(0)
    failNext = true
    await client.create(configMaps, { metadata: { name: 'cut', namespace: 'x' } })
    await client.create(configMaps, { metadata: { name: 'b', namespace: 'x' } })
    await client.delete(configMaps, { namespace: 'x', name: 'a' })
    await clock.advance(1000)
    expect(told).toEqual(['added a', 'added cut', 'removed a', 'added b'])
  })

  it('tells an object that was replaced under its name as removed and added', async () => {
    const { clock, client, start, abort } = await setUp()
    const informer = start()
    const told = toldBy(informer)
    await clock.advance(0)
    await client.delete(configMaps, { namespace: 'x', name: 'a' })
    await client.create(configMaps, { metadata: { name: 'a', namespace: 'x' } })
    await clock.advance(0)
    expect(told).toEqual(['added a', 'removed a', 'added a'])
    abort.abort()
    await client.create(configMaps, { metadata: { name: 'late', namespace: 'x' } })
    await clock.advance(1000)
    expect(told).toHaveLength(3)
  })
})
