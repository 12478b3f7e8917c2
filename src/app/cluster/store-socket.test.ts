import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readDump } from '../../control/store/dump.ts'
import { MemoryStore } from '../../control/store/memory-store.ts'
import { fetchDump, fetchRevision, serveStore } from './store-socket.ts'

it('hands out the store to its owner alone, and stands those who leave in the middle', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'store-socket-'))
  const control = new AbortController()
  const store = new MemoryStore()
  for (let index = 0; index < 40; index++) await store.put(`/k/${index}`, Buffer.alloc(100_000))
  const socketPath = join(folder, 'store.sock')
  await serveStore({ socketPath, store, signal: control.signal })
  expect(statSync(socketPath).mode & 0o777).toBe(0o600)
  for (let round = 0; round < 5; round++) expect(await fetchRevision(socketPath)).toBe(41)
  expect(readDump(await fetchDump(socketPath)).entries).toHaveLength(40)
  control.abort()
  await expect(fetchDump(socketPath)).rejects.toThrow()
  rmSync(folder, { recursive: true })
})
