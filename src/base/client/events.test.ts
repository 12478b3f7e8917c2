import { expect, it } from 'vitest'
import { configMaps, events } from '../api/kinds.ts'
import { FakeClock } from '../lib/clock.ts'
import { silentLog } from '../lib/log.ts'
import { createEventRecorder } from './events.ts'
import { FakeClient } from './fake-client.ts'

it('an event that repeats raises the count of the first; another message is another event', async () => {
  const clock = new FakeClock()
  const client = new FakeClient({ clock })
  const recorder = createEventRecorder({ client, clock, log: silentLog, component: 'kubelet', host: 'n1' })
  const object = await client.create(configMaps, { metadata: { name: 'a', namespace: 'shop' } })
  for (let i = 0; i < 3; i++) {
    recorder.event(object, 'Warning', 'BackOff', 'Back-off restarting', { fieldPath: 'spec.containers{web}' })
    await clock.advance(1000)
  }
  recorder.event(object, 'Normal', 'Pulled', 'There')
  await recorder.flush()
  const all = (await client.list(events, { namespace: 'shop' })).items
  expect(all).toMatchObject([
    {
      metadata: { name: expect.stringMatching(/^a\.[0-9a-f]{16}$/) as string },
      type: 'Warning',
      reason: 'BackOff',
      count: 3,
      source: { component: 'kubelet', host: 'n1' },
      involvedObject: { kind: 'ConfigMap', apiVersion: 'v1', name: 'a', namespace: 'shop', uid: object.metadata.uid, fieldPath: 'spec.containers{web}' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:02Z',
      reportingComponent: 'kubelet',
      reportingInstance: 'n1',
    },
    { reason: 'Pulled', count: 1 },
  ])
})

it('similar events beyond nine become one, with its newest message and a count', async () => {
  const clock = new FakeClock()
  const client = new FakeClient({ clock })
  const recorder = createEventRecorder({ client, clock, log: silentLog, component: 'kubelet', host: 'n1' })
  const object = await client.create(configMaps, { metadata: { name: 'a', namespace: 'shop' } })
  for (let i = 1; i <= 12; i++) recorder.event(object, 'Warning', 'Failed', `attempt ${i}`)
  await recorder.flush()
  const all = (await client.list(events, { namespace: 'shop' })).items
  expect(all).toHaveLength(10)
  expect(all.find(({ message }) => message?.startsWith('(combined'))).toMatchObject({ message: '(combined from similar events): attempt 12', count: 3 })
})
