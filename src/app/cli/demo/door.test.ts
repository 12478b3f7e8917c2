import { expect, it } from 'vitest'
import { load } from './door.ts'

const answer = (status: number) => ({ status, servedBy: 'a', text: '' })

it('counts what fails, an answer that did not come included, until what it accompanies is done', async () => {
  const statuses = [200, 503, 0, 200, 200]
  let finish: (() => void) | undefined
  const ask = async () => {
    const status = statuses.shift()
    if (statuses.length === 0) finish?.()
    await new Promise((resolve) => setImmediate(resolve))
    return answer(status ?? 200)
  }
  const counted = await load(ask, new Promise<void>((resolve) => (finish = resolve)))
  expect(counted.failed).toBe(2)
  expect(counted.requests).toBeGreaterThanOrEqual(5)
})

it('stops asking when what it accompanies fails', async () => {
  let asked = 0
  const ask = async () => {
    asked++
    await new Promise((resolve) => setImmediate(resolve))
    return answer(200)
  }
  await expect(load(ask, Promise.reject(new Error('not rolled out')))).rejects.toThrow('not rolled out')
  const before = asked
  await new Promise((resolve) => setImmediate(resolve))
  expect(asked).toBe(before)
})
