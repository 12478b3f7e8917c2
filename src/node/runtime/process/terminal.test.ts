import { expect, it } from 'vitest'
import { FakeClock } from '../../../base/lib/clock.ts'
import { TerminalSize } from './terminal.ts'

/** A terminal that takes a size only when the test says so. */
const slowTerminal = () => {
  const clock = new FakeClock()
  const told: string[] = []
  const waiting: (() => void)[] = []
  const size = new TerminalSize({
    clock,
    tell: ({ device, columns, rows }, done) => {
      told.push(`${device} ${rows} ${columns}`)
      waiting.push(done)
    },
  })
  return { clock, size, told, take: () => waiting.shift()?.() }
}

it('tells a terminal one size at a time, and of those that came meanwhile the last', () => {
  const { size, told, take } = slowTerminal()
  size.set(91, 31)
  size.open('pts')
  size.set(100, 40)
  size.set(90, 30)
  expect(told).toEqual(['pts 31 91'])
  take()
  expect(told).toEqual(['pts 31 91', 'pts 30 90'])
  take()
  expect(told).toHaveLength(2)
})

it('holds input back until a burst of sizes is over and told', async () => {
  const { clock, size, take } = slowTerminal()
  const seen: string[] = []
  size.open('pts')
  size.whenSettled(() => seen.push('typed at once'))
  size.set(91, 31)
  await clock.advance(20)
  size.set(90, 30)
  take()
  await clock.advance(24)
  expect(seen).toEqual([])
  await clock.advance(1)
  expect(seen).toEqual([])
  take()
  expect(seen).toEqual(['typed at once'])
  size.whenSettled(() => seen.push('typed later'))
  expect(seen).toEqual(['typed at once', 'typed later'])
})
