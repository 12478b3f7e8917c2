import { describe, expect, it } from 'vitest'
import { configMaps } from '../api/kinds.ts'
import { FakeClient } from '../client/fake-client.ts'
import { createInformer } from '../client/informer.ts'
import { FakeClock } from '../lib/clock.ts'
import { silentLog } from '../lib/log.ts'
import { source, startController } from './controller.ts'
import { type ReconcileResult, TerminalError } from './reconciler.ts'

const start = (reconcile: (key: string, now: number) => Promise<ReconcileResult>) => {
  const clock = new FakeClock()
  const client = new FakeClient({ clock })
  const abort = new AbortController()
  const shared = { clock, log: silentLog, signal: abort.signal }
  const informer = createInformer(client, configMaps, shared)
  const keys = ({ object, old }: { object?: { metadata: { name: string } }; old?: { metadata: { name: string } } }) => [(object ?? old)?.metadata.name ?? '']
  const ended = startController({ ...shared, name: 'test', sources: [source(informer, keys)], reconcile: (key) => reconcile(key, clock.monotonic()) })
  const touch = (name: string) => client.create(configMaps, { metadata: { name } })
  return { clock, touch, abort, ended, client }
}

describe('a controller', () => {
  it('works on one key at a time once, and again for what came meanwhile', async () => {
    const runs: string[] = []
    let release = () => {}
    const { clock, touch, client } = start(async (key) => {
      runs.push(key)
      if (runs.length === 1) await new Promise<void>((resolve) => (release = resolve))
    })
    await touch('a')
    await clock.advance(0)
    for (const value of ['1', '2', '3']) await client.patch(configMaps, { name: 'a' }, { data: { value } }, { type: 'merge' })
    await clock.advance(0)
    expect(runs).toEqual(['a'])
    release()
    await clock.advance(0)
    expect(runs).toEqual(['a', 'a'])
  })

  it('retries a failure with growing delays, a terminal one never, and requeues when asked', async () => {
    const runs: [string, number][] = []
    const { clock, touch } = start(async (key, now) => {
      runs.push([key, now])
      if (key === 'bad') throw new Error('not yet')
      if (key === 'hopeless') throw new TerminalError('never')
      if (runs.filter(([other]) => other === 'later').length === 1) return { requeueAfterMs: 1000 }
    })
    for (const name of ['bad', 'hopeless', 'later']) await touch(name)
    await clock.advance(36)
    expect(runs.filter(([key]) => key === 'bad').map(([, at]) => at)).toEqual([0, 5, 15, 35])
    await clock.advance(5000)
    expect(runs.filter(([key]) => key === 'hopeless')).toHaveLength(1)
    expect(runs.filter(([key]) => key === 'later').map(([, at]) => at)).toEqual([0, 1000])
  })

  it('ends when aborted', async () => {
    const { clock, abort, ended } = start(async () => undefined)
    await clock.advance(0)
    abort.abort()
    await ended
  })
})
