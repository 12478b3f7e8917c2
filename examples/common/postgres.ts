import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Environment } from './environment.ts'
import type { Log } from './log.ts'
import { Unavailable } from './problem.ts'

/** Where the database is (factor IV: an attached resource), by the names that every PostgreSQL client knows. */
export interface DatabaseConfig {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}

/** Undefined without PGHOST: the service then keeps everything in its memory. */
export const readDatabaseConfig = (env: Environment): DatabaseConfig | undefined => {
  const host = env['PGHOST']
  if (!host) return undefined
  const missing = ['PGDATABASE', 'PGUSER', 'PGPASSWORD'].filter((name) => !env[name])
  if (missing.length > 0) throw new Error(`PGHOST is set, but not ${missing.join(', ')}`)
  const port = Number(env['PGPORT'] || 5432)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`PGPORT must be a port, not "${env['PGPORT']}"`)
  return { host, port, database: env['PGDATABASE']!, user: env['PGUSER']!, password: env['PGPASSWORD']! }
}

export type Row = Readonly<Record<string, unknown>>

export interface Database {
  /** Throws Unavailable when the database cannot answer now, and what PostgreSQL says when the statement is wrong. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  /** All of it or nothing. */
  transaction<T>(act: (query: Database['query']) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A pool of connections, made when they are needed: a database that is away does not keep the service from starting. */
export const openDatabase = (config: DatabaseConfig, log: Log): Database => {
  const limits = {
    max: 10,
    connectionTimeoutMillis: 1000,
    query_timeout: 3000,
    keepAlive: true,
    // A process that vanishes in the middle of a transaction may leave its connection, and with it its locks, to the server for hours.
    idle_in_transaction_session_timeout: 60_000,
  }
  const pool = new pg.Pool({ ...config, ...limits })
  // An idle connection that breaks is replaced by the next query; unheard, the event would end the process.
  pool.on('error', (error) => log('warn', 'a database connection broke', { error: error.message }))
  const through =
    (queryable: pg.Pool | pg.PoolClient): Database['query'] =>
    async (text, values) => {
      try {
        return (await queryable.query<Row>(text, [...(values ?? [])])).rows
      } catch (error) {
        throw asUnavailable(error as Error)
      }
    }
  return {
    query: through(pool),
    async transaction(act) {
      const client = await pool.connect().catch((error: Error) => Promise.reject(asUnavailable(error)))
      try {
        await through(client)('begin')
        const result = await act(through(client))
        await through(client)('commit')
        client.release()
        return result
      } catch (error) {
        // A connection that is in doubt is closed, not given back: that rolls back as well.
        client.release(true)
        throw error
      }
    },
    close: () => pool.end(),
  }
}

/** SQLSTATE classes that pass: connection, resources, operator intervention; and whatever has none, for then no server spoke. */
const passing = /^(?:08|53|57)/
const asUnavailable = (error: Error): Error => {
  const state = 'code' in error && typeof error.code === 'string' && error.code.length === 5 ? error.code : undefined
  return state === undefined || passing.test(state) ? new Unavailable(`the database does not answer: ${error.message || error.name}`, { cause: error }) : error
}

/**
 * Brings the schema to the last of `migrations`, whose place in the list is their version. Safe to run twice and in parallel: a lock lets one
 * at a time. Waits for a database that is still starting.
 */
export const migrate = async (database: Database, migrations: readonly string[], options: { log: Log; waitMs?: number }): Promise<void> => {
  const deadline = performance.now() + (options.waitMs ?? 60_000)
  for (;;) {
    try {
      return await migrateNow(database, migrations, options.log)
    } catch (error) {
      if (!(error instanceof Unavailable) || performance.now() > deadline) throw error
      options.log('info', 'waiting for the database', { error: error.message })
      await sleep(500)
    }
  }
}

const migrateNow = (database: Database, migrations: readonly string[], log: Log): Promise<void> =>
  database.transaction(async (query) => {
    await query('select pg_advisory_xact_lock(727274)')
    await query('create table if not exists schema_version (version integer primary key, applied_at timestamptz not null default now())')
    const [row] = await query('select coalesce(max(version), 0) as version from schema_version')
    const from = Number(row!['version'])
    for (const [index, migration] of migrations.entries()) {
      if (index < from) continue
      await query(migration)
      await query('insert into schema_version (version) values ($1)', [index + 1])
    }
    log('info', 'the schema is up to date', { from, to: migrations.length })
  })

/** Throws Unavailable unless the database answers and has the schema that this code was written for, or a later one. */
export const checkDatabase = async (database: Database, wanted: number): Promise<void> => {
  const [table] = await database.query("select to_regclass('schema_version') is not null as there")
  const [row] = table?.['there'] ? await database.query('select max(version) as version from schema_version') : []
  const version = Number(row?.['version'] ?? 0)
  if (version < wanted) throw new Unavailable(`the schema is at version ${version}, and ${wanted} is needed: run the migration`)
}
