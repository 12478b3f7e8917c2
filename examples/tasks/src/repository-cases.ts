import { expect, it } from 'vitest'
import type { Repository } from './repository.ts'
import type { TaskEvent } from './task.ts'

/** What every Repository does; `open` gives an empty one. */
export const repositoryCases = (open: () => Promise<Repository>): void => {
  const told = async (repository: Repository, limit = 100) => {
    const events: TaskEvent[] = []
    await repository.relay(limit, async (event) => void events.push(event))
    return events
  }
  const draft = (title: string) => ({ title, description: '' })

  it('lists tasks by their ids, a page at a time', async () => {
    const repository = await open()
    const ids: number[] = []
    for (const title of ['a', 'b', 'c']) ids.push((await repository.add(draft(title))).id)
    expect(await repository.list({ after: 0, limit: 2 })).toEqual([
      { id: ids[0], title: 'a', description: '', completed: false, version: 1 },
      { id: ids[1], title: 'b', description: '', completed: false, version: 1 },
    ])
    expect((await repository.list({ after: ids[1]!, limit: 2 })).map(({ title }) => title)).toEqual(['c'])
  })

  it('changes the version that was seen, and no other', async () => {
    const repository = await open()
    const { id } = await repository.add(draft('a'))
    expect(await repository.change(id, { title: 'b' }, 1)).toMatchObject({ task: { title: 'b', version: 2 } })
    expect(await repository.change(id, { title: 'c' }, 1)).toEqual({ refused: 'stale' })
    expect(await repository.remove(id, 1)).toEqual({ refused: 'stale' })
    expect(await repository.change(id, { completed: true }, undefined)).toMatchObject({ task: { title: 'b', completed: true, version: 3 } })
    expect(await repository.find(id)).toMatchObject({ title: 'b', completed: true, version: 3 })
    expect(await repository.remove(id, 3)).toMatchObject({ task: { id } })
    expect([await repository.find(id), await repository.change(id, { title: 'd' }, undefined)]).toEqual([undefined, { refused: 'missing' }])
  })

  it('lets one of many win who change the same version at the same moment', async () => {
    const repository = await open()
    const { id } = await repository.add(draft('a'))
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, index) => repository.change(id, { title: `b${index}` }, 1)))
    expect(outcomes.filter((outcome) => 'task' in outcome)).toHaveLength(1)
  })

  it('tells every change, once it is kept, in order, and nothing of what changes nothing', async () => {
    const repository = await open()
    const { id } = await repository.add(draft('a'))
    await repository.change(id, { title: 'b', completed: true }, undefined)
    await repository.change(id, { title: 'b' }, undefined)
    await repository.remove(id, 7)
    await repository.remove(id, undefined)
    const events = await told(repository)
    expect(events.map(({ type }) => type)).toEqual(['task.created', 'task.renamed', 'task.completed', 'task.deleted'])
    expect(new Set(events.map((event) => event.id)).size).toBe(4)
    expect(events[1]).toMatchObject({ subject: String(id), data: { title: 'b', version: 2 }, time: expect.stringMatching(/Z$/) })
    expect(await told(repository)).toEqual([])
  })

  it('tells again, first of all and as the same event, what was not taken', async () => {
    const repository = await open()
    for (const title of ['a', 'b', 'c']) await repository.add(draft(title))
    const seen: TaskEvent[] = []
    const failing = repository.relay(100, async (event) => {
      seen.push(event)
      if (seen.length === 2) throw new Error('away')
    })
    await expect(failing).rejects.toThrow('away')
    expect(await told(repository, 1)).toEqual([seen[1]])
    expect((await told(repository)).map(({ data }) => data)).toMatchObject([{ title: 'c' }])
  })

  it('lets one tell at a time', async () => {
    const repository = await open()
    for (const title of ['a', 'b', 'c']) await repository.add(draft(title))
    const seen: TaskEvent[] = []
    const slowly = async (event: TaskEvent) => {
      seen.push(event)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(Array.from({ length: 5 }, () => repository.relay(100, slowly)))
    expect(seen.map(({ data }) => (data as { title: string }).title)).toEqual(['a', 'b', 'c'])
  })

  it('is fit to serve', async () => expect(await (await open()).check()).toBeUndefined())
}
