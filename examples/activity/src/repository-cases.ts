import { expect, it } from 'vitest'
import type { Event } from './event.ts'
import type { Repository } from './repository.ts'

export const event = (id: string, more: Partial<Event> = {}): Event => ({
  source: '/tasks',
  id,
  type: 'task.created',
  subject: '1',
  time: '2026-01-01T00:00:00.000Z',
  data: { title: 'Set sail' },
  ...more,
})

/** What every Repository does; `open` gives an empty one. */
export const repositoryCases = (open: () => Promise<Repository>): void => {
  const ids = async (repository: Repository, query: Partial<Parameters<Repository['list']>[0]> = {}) =>
    (await repository.list({ subject: undefined, before: undefined, limit: 10, ...query })).map(({ id }) => id)

  it('keeps an event once, however often it comes, and as it came first', async () => {
    const repository = await open()
    expect(await repository.record(event('a'))).toMatchObject({ isNew: true, entry: event('a') })
    expect(await repository.record(event('a', { data: 'other' }))).toMatchObject({ isNew: false, entry: { data: { title: 'Set sail' } } })
    expect(await repository.record(event('a', { source: '/other' }))).toMatchObject({ isNew: true })
    expect(await ids(repository)).toEqual(['a', 'a'])
  })

  it('keeps an event once when it comes many times at the same moment', async () => {
    const repository = await open()
    const answers = await Promise.all(Array.from({ length: 20 }, () => repository.record(event('a'))))
    expect(answers.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect(new Set(answers.map(({ entry }) => entry.position)).size).toBe(1)
    expect(await ids(repository)).toEqual(['a'])
  })

  it('lists by when things happened, not by when they came, and by arrival within one moment', async () => {
    const repository = await open()
    for (const [id, time] of Object.entries({ noon: '12', late: '23', dawn: '06', noon2: '12' }))
      await repository.record(event(id, { time: `2026-01-01T${time}:00:00.000Z` }))
    expect(await ids(repository)).toEqual(['late', 'noon2', 'noon', 'dawn'])
    const [, noon2] = await repository.list({ subject: undefined, before: undefined, limit: 2 })
    expect(await ids(repository, { before: noon2! })).toEqual(['noon', 'dawn'])
  })

  it('tells of one subject, and the newest of each of several', async () => {
    const repository = await open()
    await repository.record(event('1-old', { time: '2026-01-01T00:00:00.001Z' }))
    await repository.record(event('1-new', { time: '2026-01-01T00:00:00.002Z', type: 'task.completed' }))
    await repository.record(event('2', { subject: '2' }))
    expect(await ids(repository, { subject: '1' })).toEqual(['1-new', '1-old'])
    expect((await repository.newest(['2', '1', '7', '1'])).map(({ id }) => id).sort()).toEqual(['1-new', '2'])
  })

  it('hands data back as they came', async () => {
    const repository = await open()
    for (const [index, data] of [null, 'text', 7, [1, { b: 2, a: 1 }], { nul: '\0', half: '\ud800' }].entries()) {
      await repository.record(event(String(index), { data }))
      expect((await repository.list({ subject: undefined, before: undefined, limit: 10 })).find(({ id }) => id === String(index))?.data).toEqual(data)
    }
  })

  it('is fit to serve', async () => expect(await (await open()).check()).toBeUndefined())
}
