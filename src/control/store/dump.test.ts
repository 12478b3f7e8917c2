import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { dumpStore, readDump } from './dump.ts'
import { openLmdbStore } from './lmdb-store.ts'
import { MemoryStore } from './memory-store.ts'
import { revisionJump, seedLmdbStore } from './seed.ts'
import { CompactedError, type Store } from './store.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const kept = <S extends Store>(store: S): S => {
  undo.push(() => store.close())
  return store
}

async function filled(count: number): Promise<MemoryStore> {
  const store = kept(new MemoryStore())
  for (let index = 0; index < count; index++) await store.put(`/k/${index}`, Buffer.from(`value ${index}`))
  return store
}

async function dump(store: Store): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of dumpStore(store)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

it('holds every key at one revision, whatever is written while it is read', async () => {
  const store = await filled(1200)
  const chunks: Buffer[] = []
  for await (const chunk of dumpStore(store)) {
    chunks.push(chunk)
    await store.put('/k/999', Buffer.from('too late'))
    await store.put('/z/new', Buffer.from('too late'))
  }
  const { revision, entries } = readDump(Buffer.concat(chunks))
  expect({ revision, count: entries.length }).toEqual({ revision: 1201, count: 1200 })
  expect(entries.find(({ key }) => key === '/k/999')).toEqual({ key: '/k/999', value: Buffer.from('value 999'), revision: 1001, createRevision: 1001 })
})

it.each([
  ['an empty file', (_: Buffer) => Buffer.alloc(0), 'it holds no objects of a cluster'],
  ['anything else', (_: Buffer) => Buffer.from('{"a":1}\nx'), 'it holds no objects of a cluster'],
  ['one without its end', (whole: Buffer) => whole.subarray(0, whole.length - 8), 'its objects are cut off'],
  ['one that ends in a record', (whole: Buffer) => whole.subarray(0, whole.length - 20), 'its objects are cut off'],
  ['a newer one', (_: Buffer) => Buffer.from('{"format":2,"revision":1}\n'), 'its objects have format 2, and this version reads up to 1'],
])('refuses %s', async (_, spoil, message) => {
  const whole = await dump(await filled(3))
  expect(() => readDump(spoil(whole))).toThrow(message)
})

it('is taken in again with the revisions it had, and tells every earlier watcher to list anew', async () => {
  const source = await filled(5)
  await source.put('/k/1', Buffer.from('changed'))
  const { entries, revision } = readDump(await dump(source))
  const path = mkdtempSync(join(tmpdir(), 'seed-test-'))
  undo.push(() => rmSync(path, { recursive: true, force: true }))
  await seedLmdbStore({ path, entries, seenRevision: revision + 20 })
  const first = openLmdbStore({ path })
  const begin = revision + 20 + revisionJump
  expect(first.revision).toBe(begin)
  expect(first.list('').entries.map(({ key, revision: at }) => `${key}@${at}`)).toEqual(['/k/0@2', '/k/1@7', '/k/2@4', '/k/3@5', '/k/4@6'])
  expect(first.get('/k/1')).toMatchObject({ createRevision: 3, value: Buffer.from('changed') })
  for (const seen of [2, revision, begin - 1]) expect(() => first.watch('/', seen, () => {})).toThrow(CompactedError)
  expect(await first.put('/k/2', Buffer.from('new'), 4)).toEqual({ ok: true, revision: begin + 1 })
  await first.close()
  const again = kept(openLmdbStore({ path }))
  const events: number[] = []
  again.watch('/', begin, (event) => events.push(event.revision))
  expect(await again.put('/k/9', Buffer.from('x'))).toEqual({ ok: true, revision: begin + 2 })
  expect(events).toEqual([begin + 1, begin + 2])
})

it('makes an empty store that is far ahead, too', async () => {
  const path = mkdtempSync(join(tmpdir(), 'seed-test-'))
  undo.push(() => rmSync(path, { recursive: true, force: true }))
  await seedLmdbStore({ path, entries: [], seenRevision: 7 })
  const store = kept(openLmdbStore({ path }))
  expect([store.revision, store.count('')]).toEqual([7 + revisionJump, 0])
})
