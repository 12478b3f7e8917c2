import { chmodSync, rmSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { dumpStore, readDumpHead } from '../../control/store/dump.ts'
import type { Store } from '../../control/store/store.ts'

export interface ServeStoreOptions {
  /** Made with mode 0600: whoever may open it reads every Secret. */
  readonly socketPath: string
  readonly store: Pick<Store, 'list' | 'revision'>
  readonly signal: AbortSignal
}

/** Whoever connects is sent a dump of the store at its present revision. Resolves when it listens. */
export async function serveStore({ socketPath, store, signal }: ServeStoreOptions): Promise<void> {
  rmSync(socketPath, { force: true })
  const server = createServer((socket) => {
    // Who has read the first line may leave in the middle.
    socket.on('error', () => socket.destroy())
    // A dump that ends early is one that cannot be read: its reader finds out.
    pipeline(Readable.from(dumpStore(store)), socket).catch(() => undefined)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve))
  chmodSync(socketPath, 0o600)
  signal.addEventListener('abort', () => server.close(), { once: true })
}

/** The whole dump. Throws where no server listens. */
export async function fetchDump(socketPath: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of createConnection(socketPath) as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Only how far the store is. */
export async function fetchRevision(socketPath: string): Promise<number> {
  let head = Buffer.alloc(0)
  for await (const chunk of createConnection(socketPath) as AsyncIterable<Buffer>) {
    head = Buffer.concat([head, chunk])
    if (head.includes(10)) break
  }
  return readDumpHead(head).revision
}
