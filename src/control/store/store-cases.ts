import { describe, expect, test } from 'vitest'
import { CompactedError, FutureRevisionError, type Store, type StoreEvent } from './store.ts'

const bytes = (text: string) => Buffer.from(text)
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString()
const put = async (store: Store, key: string, value: string, expected?: number): Promise<number> => {
  const result = await store.put(key, bytes(value), expected)
  if (!result.ok) throw new Error(`${key} stands at ${result.actual}`)
  return result.revision
}
const keys = (store: Store, prefix: string, at?: number) =>
  store.list(prefix, at === undefined ? {} : { at }).entries.map((entry) => `${entry.key}=${text(entry.value)}`)
const line = (event: StoreEvent) => `${event.revision} ${event.type} ${event.key} ${text(event.value)} < ${text(event.previous?.value) ?? 'nothing'}`

/** What every Store does. `open` gives an empty one; `reopen` closes it and opens its data again, where data outlive a store. */
export const storeCases = (name: string, open: () => Promise<Store>, reopen?: (store: Store) => Promise<Store>) =>
  describe(name, () => {
    test('takes a write only from who knows the present revision', async () => {
      const store = await open()
      const first = await put(store, '/a', 'one', 0)
      expect(await store.put('/a', bytes('x'), 0)).toMatchObject({ ok: false, actual: first, current: { key: '/a', revision: first } })
      const second = await put(store, '/a', 'two', first)
      expect(store.get('/a')).toMatchObject({ revision: second, createRevision: first })
      expect(await store.delete('/a', first)).toMatchObject({ ok: false, actual: second })
      expect(await store.delete('/a', second)).toEqual({ ok: true, revision: second + 1 })
      expect(await store.delete('/a')).toEqual({ ok: false, actual: 0 })
      expect(store.get('/a')).toBeUndefined()
      expect(store.get('/a', first)).toMatchObject({ revision: first })
      expect(await put(store, '/a', 'again', 0)).toBe(second + 2)
      expect(store.get('/a')).toMatchObject({ createRevision: second + 2 })
    })

    test('lets one of many concurrent writers win, and tells the others what won', async () => {
      const store = await open()
      const results = await Promise.all(Array.from({ length: 20 }, (_, i) => store.put('/lock', bytes(`${i}`), 0)))
      expect(results.filter((result) => result.ok)).toHaveLength(1)
      expect(results[7]).toMatchObject({ ok: false, actual: 2, current: { revision: 2 } })
      const unconditional = await Promise.all([store.put('/n', bytes('1')), store.put('/n', bytes('2')), store.delete('/n'), store.put('/n', bytes('3'), 0)])
      expect(unconditional).toEqual([3, 4, 5, 6].map((revision) => ({ ok: true, revision })))
      expect(text(store.get('/n')?.value)).toBe('3')
    })

    test('gives each write one revision, without gaps, and shows nothing unpublished', async () => {
      const store = await open()
      const seen: number[] = []
      store.watch('/', store.revision, (event) => {
        expect(store.revision).toBe(event.revision)
        expect(store.get(event.key)?.revision).toBe(event.revision)
        seen.push(event.revision)
      })
      const writes = Array.from({ length: 300 }, (_, i) => put(store, `/k/${i % 70}`, `${i}`))
      expect([store.revision, store.count('/')]).toEqual([1, 0])
      expect(await Promise.all(writes)).toEqual(Array.from({ length: 300 }, (_, i) => i + 2))
      expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 2))
      expect([store.revision, store.count('/k/')]).toEqual([301, 70])
    })

    test('replays the past to a watcher and goes on live, with what was there before', async () => {
      const store = await open()
      await put(store, '/p/a', '1')
      const from = await put(store, '/p/b', '1')
      await put(store, '/p/a', '2')
      await put(store, '/q/a', 'other')
      const events: string[] = []
      const watcher = store.watch('/p/', from, (event) => events.push(line(event)))
      expect(events).toEqual([])
      await Promise.all([store.delete('/p/b'), put(store, '/p/c', '1'), put(store, '/p/a', '3')])
      const expected = ['4 put /p/a 2 < 1', '6 delete /p/b 1 < 1', '7 put /p/c 1 < nothing', '8 put /p/a 3 < 2']
      expect(events).toEqual(expected)
      const all: string[] = []
      store.watch('/p/a', 0, (event) => all.push(line(event)))
      watcher.close()
      await put(store, '/p/a', '4')
      expect(events).toEqual(expected)
      expect(all).toEqual(['2 put /p/a 1 < nothing', '4 put /p/a 2 < 1', '8 put /p/a 3 < 2', '9 put /p/a 4 < 3'])
    })

    test('keeps order and loses nothing while watchers start in the middle of writes', async () => {
      const store = await open()
      const seen: number[][] = []
      const writes: Promise<number>[] = []
      for (let i = 0; i < 200; i++) {
        writes.push(put(store, `/w/${i % 5}`, `${i}`))
        const own: number[] = []
        seen.push(own)
        store.watch('/w/', Math.max(1, store.revision - 3), (event) => own.push(event.revision))
        if (i % 7 === 0) await writes.at(-1)
      }
      await Promise.all(writes)
      for (const own of seen) expect(own).toEqual(Array.from({ length: own.length }, (_, i) => 202 - own.length + i))
      expect(seen[0]).toHaveLength(200)
    })

    test('reads ranges in pages and at a revision', async () => {
      const store = await open()
      for (const name of ['c', 'a', 'e', 'b', 'd']) await put(store, `/r/${name}`, '1')
      await put(store, '/s/a', '1')
      const then = store.revision
      await Promise.all([put(store, '/r/a', '2'), store.delete('/r/b'), put(store, '/r/f', '1')])
      const page = store.list('/r/', { limit: 2, at: then })
      expect(page).toMatchObject({ revision: then, next: '/r/c', remaining: 3 })
      expect(page.entries.map((entry) => entry.key)).toEqual(['/r/a', '/r/b'])
      expect(store.list('/r/', { limit: 5, start: page.next!, at: then })).toMatchObject({
        remaining: 0,
        entries: [{ key: '/r/c' }, { key: '/r/d' }, { key: '/r/e' }],
      })
      expect(store.list('/r/', { limit: 5 })).not.toHaveProperty('next')
      expect(keys(store, '/r/')).toEqual(['/r/a=2', '/r/c=1', '/r/d=1', '/r/e=1', '/r/f=1'])
      expect(keys(store, '/r/', then)).toEqual(['/r/a=1', '/r/b=1', '/r/c=1', '/r/d=1', '/r/e=1'])
      expect(() => store.list('/r/', { at: store.revision + 1 })).toThrow(FutureRevisionError)
    })

    test('forgets history before a compaction, and says so', async () => {
      const store = await open()
      await put(store, '/x', '1')
      await put(store, '/y', '1')
      await store.delete('/y')
      const at = await put(store, '/x', '2')
      await put(store, '/x', '3')
      const replayed: string[] = []
      store.watch('/', 1, (event) => replayed.push(line(event)))
      await store.compact(at)
      expect(replayed).toHaveLength(5)
      expect(() => store.get('/x', at - 1)).toThrow(CompactedError)
      expect(() => store.watch('/', at - 1, () => {})).toThrow(CompactedError)
      expect(keys(store, '/', at)).toEqual(['/x=2'])
      const events: string[] = []
      store.watch('/', at, (event) => events.push(line(event)))
      await put(store, '/y', '2')
      expect(events).toEqual([`${at + 1} put /x 3 < 2`, `${at + 2} put /y 2 < nothing`])
    })

    test.skipIf(!reopen)('has everything again after it was closed and opened', async () => {
      const store = await open()
      for (let i = 0; i < 30; i++) await put(store, `/d/${i % 10}`, `${i}`)
      await store.delete('/d/3')
      await store.compact(20)
      const last = put(store, '/d/0', 'last')
      const again = await reopen!(store)
      expect(again.revision).toBe(await last)
      expect(again.get('/d/0')).toMatchObject({ revision: 33, createRevision: 2 })
      expect(keys(again, '/d/', 31)).toHaveLength(10)
      expect(keys(again, '/d/')).toHaveLength(9)
      expect(() => again.watch('/', 19, () => {})).toThrow(CompactedError)
      const events: number[] = []
      again.watch('/', 20, (event) => events.push(event.revision))
      expect(await put(again, '/d/0', 'more', 33)).toBe(34)
      expect(events).toEqual(Array.from({ length: 14 }, (_, i) => i + 21))
      await expect(store.put('/d/0', bytes('x'))).rejects.toThrow('closed')
    })
  })
