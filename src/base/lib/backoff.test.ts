import { describe, expect, it } from 'vitest'
import { createBackoff, KeyedBackoff } from './backoff.ts'

describe('a backoff', () => {
  it('grows to its bound and starts anew when reset', () => {
    const backoff = createBackoff({ initialMs: 100, maxMs: 500 })
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([100, 200, 400, 500, 500])
    backoff.reset()
    expect(backoff.next()).toBe(100)
  })
})

describe('a backoff by key', () => {
  const at = (steps: readonly number[]) => {
    const backoff = new KeyedBackoff({ initialMs: 10, maxMs: 300 })
    for (const nowMs of steps) backoff.next('a/web', nowMs)
    return backoff
  }

  it('doubles with each step, to its bound', () => {
    expect([[], [0], [0, 10], [0, 10, 30], [0, 10, 20, 30, 40, 50, 60]].map((steps) => at(steps).delayMs('a/web'))).toEqual([0, 10, 20, 40, 300])
  })

  it('counts what is left from the event, not from the step', () => {
    expect(at([0]).remainingMs('a/web', 5, 8)).toBe(7)
    expect(at([0]).remainingMs('a/web', 5, 15)).toBe(0)
    expect(at([0]).remainingMs('a/other', 5, 8)).toBe(0)
  })

  it('starts anew after twice its bound without a step', () => {
    expect(at([0, 10, 611]).delayMs('a/web')).toBe(10)
    expect(at([0, 10, 610]).delayMs('a/web')).toBe(40)
    expect(at([0]).remainingMs('a/web', 601, 602)).toBe(0)
  })

  it('forgets by prefix', () => {
    const backoff = at([0])
    backoff.next('b/web', 0)
    backoff.forget('a/')
    expect([backoff.updatedMs('a/web'), backoff.delayMs('a/web'), backoff.delayMs('b/web')]).toEqual([0, 0, 10])
  })
})
