import { expect, it } from 'vitest'
import { EventCorrelator } from './event-correlator.ts'

const minute = 60_000
const said = (message: string, more: object = {}) => ({ subject: 'kubelet/n1/Pod/a', type: 'Warning', reason: 'Unhealthy', message, ...more })

it('tells the tenth similar message, and those after it, as one event', () => {
  const correlator = new EventCorrelator()
  const all = Array.from({ length: 12 }, (_, at) => correlator.correlate(said(`probe ${at} failed`), 'a', at * 1000))
  expect(all.slice(0, 9).map((one) => one?.message)).toEqual(Array.from({ length: 9 }, (_, at) => `probe ${at} failed`))
  expect(all.slice(9).map((one) => one?.message)).toEqual([9, 10, 11].map((at) => `(combined from similar events): probe ${at} failed`))
  expect(new Set(all.slice(9).map((one) => one?.key)).size).toBe(1)
  expect(correlator.correlate(said('probe failed', { reason: 'BackOff' }), 'a', 12_000)?.message).toBe('probe failed')
  expect(correlator.correlate(said('probe 1 failed'), 'a', 12_000 + 10 * minute)?.message).toBe('probe 1 failed')
})

it('lets equal messages share a key, which counts them', () => {
  const correlator = new EventCorrelator()
  const keys = Array.from({ length: 20 }, (_, at) => correlator.correlate(said('the same'), 'a', at)?.key)
  expect(new Set(keys).size).toBe(1)
})

it('lets a source write 25 events of an object at once, then one every five minutes', () => {
  const correlator = new EventCorrelator()
  const passes = (count: number, nowMs: number, object = 'a') =>
    Array.from({ length: count }, () => correlator.correlate(said('the same'), object, nowMs)).filter(Boolean).length
  expect(passes(30, 0)).toBe(25)
  expect(passes(3, 0, 'b')).toBe(3)
  expect(passes(3, 5 * minute)).toBe(1)
  expect(passes(3, 15 * minute)).toBe(2)
})
