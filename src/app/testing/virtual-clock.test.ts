import { describe, expect, it } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'

const create = (settle = async () => {}) => new VirtualClock({ startMs: 1_000_000, settle })

describe('a virtual clock', () => {
  it('stands still, and moves by what it is told', async () => {
    const clock = create()
    await clock.advance(1500)
    expect([clock.now(), clock.monotonic()]).toEqual([1_001_500, 1500])
  })

  it('runs what is due in the order of time, then of asking, each at its own moment', async () => {
    const clock = create()
    const seen: string[] = []
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b', 10],
      ['d', 41],
    ] as const)
      clock.after(ms, () => seen.push(`${name}@${clock.monotonic()}`))
    await clock.advance(40)
    expect(seen).toEqual(['a@10', 'b@10', 'c@30'])
  })

  it('lets everything come to rest between two moments', async () => {
    const seen: string[] = []
    const clock = create(async () => void seen.push('rest'))
    clock.after(1, () => clock.after(1, () => seen.push('second')))
    clock.after(1, () => seen.push('first'))
    await clock.advance(5)
    expect(seen).toEqual(['rest', 'first', 'rest', 'second', 'rest'])
  })

  it('forgets a timer that another one of the same moment cancels', async () => {
    const clock = create()
    let cancel = () => {}
    clock.after(1, () => cancel())
    cancel = clock.after(1, () => expect.fail('it ran'))
    await clock.advance(2)
  })

  it('lets moves that overlap follow one another', async () => {
    const clock = create()
    await Promise.all([clock.advance(10), clock.advance(10)])
    expect(clock.monotonic()).toBe(20)
  })

  it('goes to the next moment at which something is due, and says when there is none', async () => {
    const clock = create()
    clock.after(50, () => {})
    expect([await clock.next(100), clock.monotonic(), await clock.next(100), clock.monotonic()]).toEqual([true, 50, false, 50])
  })

  it('ends a sleep by its signal', async () => {
    const abort = new AbortController()
    const slept = create().sleep(10, abort.signal)
    abort.abort(new Error('enough'))
    await expect(slept).rejects.toThrow('enough')
  })

  it('flows when told to', async () => {
    const clock = create()
    const abort = new AbortController()
    clock.flow(abort.signal)
    await clock.sleep(20)
    abort.abort()
    expect(clock.monotonic()).toBeGreaterThanOrEqual(20)
  })
})
