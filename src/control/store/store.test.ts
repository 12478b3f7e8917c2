import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from 'lmdb'
import { afterEach, expect, test } from 'vitest'
import type { Journal } from './journal.ts'
import { openLmdbStore } from './lmdb-store.ts'
import { LogStore } from './log-store.ts'
import { MemoryStore } from './memory-store.ts'
import { SortedMap } from './sorted-map.ts'
import { storeCases } from './store-cases.ts'
import type { Store } from './store.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'store-test-'))
  undo.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const kept = <S extends Store>(store: S): S => {
  undo.push(() => store.close())
  return store
}

const paths = new WeakMap<Store, string>()
const openAt = (path: string): Store => {
  const store = kept(openLmdbStore({ path }))
  paths.set(store, path)
  return store
}

storeCases('MemoryStore', async () => kept(new MemoryStore()))
storeCases(
  'LmdbStore',
  async () => openAt(folder()),
  async (store) => {
    await store.close()
    return openAt(paths.get(store)!)
  },
)

test('data of a newer format are refused', async () => {
  const path = folder()
  await openLmdbStore({ path }).close()
  const raw = open<Uint8Array, string[]>({ path, encoding: 'binary', noSubdir: false, maxDbs: 1 })
  await raw.put(['meta', 'format'], Buffer.from('2'))
  await raw.close()
  expect(() => openLmdbStore({ path })).toThrow(/have format 2, and this version reads up to 1/)
})

test('a batch that cannot be written fails whole, and the next write takes its revisions', async () => {
  let full = true
  const journal: Journal = {
    load: () => ({ versions: [], revision: 0, compactRevision: 0 }),
    append: async () => {
      if (full) throw new Error('no space')
    },
    value: () => Buffer.from('v'),
    forget: async () => {},
    close: async () => {},
  }
  const store = new LogStore({ journal })
  const results = await Promise.allSettled([store.put('/a', Buffer.from('1')), store.put('/b', Buffer.from('1')), store.put('/a', Buffer.from('2'), 2)])
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected'])
  full = false
  expect(await store.put('/a', Buffer.from('1'), 0)).toEqual({ ok: true, revision: 2 })
})

test('writes that arrive together share one append', async () => {
  const sizes: number[] = []
  const journal: Journal = {
    load: () => ({ versions: [], revision: 0, compactRevision: 0 }),
    append: async (records) => void sizes.push(records.length),
    value: () => Buffer.from('v'),
    forget: async () => {},
    close: async () => {},
  }
  const store = new LogStore({ journal })
  await Promise.all(Array.from({ length: 50 }, (_, i) => store.put(`/${i}`, Buffer.from('1'))))
  expect(sizes).toEqual([50])
})

test('a sorted map walks its keys in order through many insertions and deletions', () => {
  const map = new SortedMap<number>()
  const numbers = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 3000)
  const key = (n: number) => `/${String(n).padStart(4, '0')}`
  for (const n of numbers) map.set(key(n), n)
  for (const n of numbers) if (n % 3 === 0) map.delete(key(n))
  const expected = [...numbers].filter((n) => n % 3 !== 0).sort((a, b) => a - b)
  expect([...map.walk('/')].map(([, n]) => n)).toEqual(expected)
  expect([...map.walk('/1', '/15')].map(([, n]) => n)).toEqual(expected.filter((n) => n >= 1500 && n < 2000))
  for (const n of expected) map.delete(key(n))
  expect([...map.walk('')]).toEqual([])
})
