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
    await migrate(database, migrations, { log })
  }, 60_000)
  afterAll(async () => {
    await database?.close()
    await server?.stop()
  })

  repositoryCases(async () => {
    await database.query('truncate task, outbox')
    return createPostgresRepository(database)
  })

  it('does not hold locks for ever for a process that is gone', async () => {
    expect(await database.query('show idle_in_transaction_session_timeout')).toEqual([{ idle_in_transaction_session_timeout: '1min' }])
  })

  it('keeps no task whose event could not be kept', async () => {
    const repository = createPostgresRepository(database)
    await database.query('alter table outbox rename to elsewhere')
    await expect(repository.add({ title: 'half', description: '' })).rejects.toThrow('relation "outbox" does not exist')
    await database.query('alter table elsewhere rename to outbox')
    expect((await repository.list({ after: 0, limit: 100 })).filter(({ title }) => title === 'half')).toEqual([])
  })
})
