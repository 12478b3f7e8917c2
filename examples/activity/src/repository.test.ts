import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, migrate, openDatabase } from '../../common/postgres.ts'
import { hasPostgres, startPostgres } from '../../common/postgres-for-tests.ts'
import { createMemoryRepository } from './memory-repository.ts'
import { migrations } from './migrations.ts'
import { createPostgresRepository } from './postgres-repository.ts'
import { repositoryCases } from './repository-cases.ts'

const log = () => undefined

describe('the repository in memory', () => {
  repositoryCases(async () => createMemoryRepository())
})

describe.skipIf(!hasPostgres)('the repository in PostgreSQL (needs initdb and postgres)', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let database: Database
  beforeAll(async () => {
    server = await startPostgres()
    database = openDatabase(server.config, log)
  }, 60_000)
  afterAll(async () => {
    await database?.close()
    await server?.stop()
  })

  it('is not fit to serve before the migration', async () => {
    await expect(createPostgresRepository(database).check()).rejects.toThrow('the schema is at version 0, and 1 is needed')
  })

  it('is migrated once, however many migrate at the same moment', async () => {
    await Promise.all([1, 2, 3].map(() => migrate(database, migrations, { log })))
    expect(await database.query('select version from schema_version')).toEqual([{ version: 1 }])
  })

  it('keeps nothing of a transaction that fails', async () => {
    const half = database.transaction(async (query) => {
      await query('create table half (id integer)')
      await query('select nonsense')
    })
    await expect(half).rejects.toThrow('column "nonsense" does not exist')
    expect(await database.query("select to_regclass('half') as half")).toEqual([{ half: null }])
  })

  repositoryCases(async () => {
    await database.query('truncate activity')
    return createPostgresRepository(database)
  })

  it('says that it is away when it is, and serves again when it is back', async () => {
    await database.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = $1', ['client backend'])
    await expect(createPostgresRepository(openDatabase({ ...server.config, port: 1 }, log)).check()).rejects.toThrow('the database does not answer')
    expect(await createPostgresRepository(database).check()).toBeUndefined()
  })
})
