import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { Journal, JournalRecord, JournalState, Version } from './journal.ts'
import { LogStore } from './log-store.ts'

/**
 * The layout of the one database, by key:
 *   ['meta', 'format' | 'revision' | 'compacted']  a decimal number
 *   ['index', revision]                            deleted (1 byte), create revision (8 bytes, double), key (UTF-8)
 *   ['value', revision]                            the bytes written; none for a deletion
 */
const formatVersion = 1

type Meta = 'format' | 'revision' | 'compacted'

export interface LmdbStoreOptions {
  /** The folder of the database, made when absent. One process at a time may have it open. */
  readonly path: string
  /** Acknowledge writes that a power cut may lose; for throw-away stores. */
  readonly noSync?: boolean
}

export class LmdbStore extends LogStore {}

/** Opens the store, or makes it. Throws when the data are of a newer format than this version can read. */
export const openLmdbStore = (options: LmdbStoreOptions): LmdbStore => new LmdbStore({ journal: openLmdbJournal(options) })

/** The log beneath it, for who writes one without a store. */
export const openLmdbJournal = (options: LmdbStoreOptions): Journal => new LmdbJournal(options)

function openDatabase(path: string, noSync: boolean): RootDatabase<Uint8Array, (string | number)[]> {
  try {
    requireDatabase(join(path, 'data.mdb'))
    return open<Uint8Array, (string | number)[]>({ path, encoding: 'binary', noSync, noSubdir: false, maxDbs: 1 })
  } catch (error) {
    throw new Error(`the store in ${path} cannot be opened (${(error as Error).message}): put a copy in its place, or delete the cluster`, { cause: error })
  }
}

/** The number at the head of the first page, little-endian (mdb.c, MDB_MAGIC), behind the page's own header. */
const magic = { offset: 24, value: 0xbeefc0de }

/** The library ends the process over a file that is none of its own, so that is seen to first. Throws. */
function requireDatabase(file: string): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) return
  const head = Buffer.alloc(magic.offset + 4)
  const descriptor = openSync(file, 'r')
  readSync(descriptor, head)
  closeSync(descriptor)
  if (head.readUInt32LE(magic.offset) !== magic.value) throw new Error('data.mdb is not a database')
}

class LmdbJournal implements Journal {
  readonly #db: RootDatabase<Uint8Array, (string | number)[]>
  readonly #noSync: boolean

  constructor({ path, noSync = false }: LmdbStoreOptions) {
    this.#noSync = noSync
    this.#db = openDatabase(path, noSync)
    const format = this.#meta('format')
    if (format === undefined) this.#db.transactionSync(() => this.#putMeta('format', formatVersion))
    else if (format > formatVersion) {
      void this.#db.close()
      throw new Error(
        `the data in ${path} have format ${format}, and this version reads up to ${formatVersion}: use the version that wrote them, or another folder`,
      )
    }
  }

  load(): JournalState {
    const revision = this.#meta('revision') ?? 0
    const range = this.#db.getRange({ start: ['index', 0], end: ['index', revision + 1] })
    const versions = [...range].map(({ key, value }) => decodeVersion(key[1] as number, value))
    return { versions, revision, compactRevision: this.#meta('compacted') ?? 0 }
  }

  async append(records: readonly JournalRecord[]): Promise<void> {
    const committed = this.#db.batch(() => {
      for (const record of records) {
        void this.#db.put(['index', record.revision], encodeVersion(record))
        if (record.value) void this.#db.put(['value', record.revision], record.value)
      }
      this.#putMeta('revision', records.at(-1)!.revision)
    })
    await this.#settled(committed)
  }

  value(revision: number): Uint8Array {
    return this.#db.getBinary(['value', revision])!
  }

  async forget(revisions: readonly number[], compactRevision: number): Promise<void> {
    const committed = this.#db.batch(() => {
      for (const revision of revisions) {
        void this.#db.remove(['index', revision])
        void this.#db.remove(['value', revision])
      }
      this.#putMeta('compacted', compactRevision)
    })
    await this.#settled(committed)
  }

  close(): Promise<void> {
    return this.#db.close()
  }

  /** A commit is only visible when its promise resolves; it is durable when flushed. */
  async #settled(committed: Promise<boolean>): Promise<void> {
    await committed
    if (!this.#noSync) await this.#db.flushed
    this.#db.resetReadTxn()
  }

  #meta(name: Meta): number | undefined {
    const bytes = this.#db.getBinary(['meta', name])
    return bytes && Number(bytes.toString())
  }

  #putMeta(name: Meta, value: number): void {
    void this.#db.put(['meta', name], Buffer.from(String(value)))
  }
}

const headBytes = 9

const encodeVersion = ({ key, createRevision, deleted }: Version): Buffer => {
  const bytes = Buffer.allocUnsafe(headBytes + Buffer.byteLength(key))
  bytes.writeUInt8(deleted ? 1 : 0, 0)
  bytes.writeDoubleLE(createRevision, 1)
  bytes.write(key, headBytes)
  return bytes
}

const decodeVersion = (revision: number, value: Uint8Array): Version => {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return { key: bytes.toString('utf8', headBytes), revision, createRevision: bytes.readDoubleLE(1), deleted: bytes.readUInt8(0) === 1 }
}
