import { checkDatabase, type Database, type Row } from '../../common/postgres.ts'
import { migrations } from './migrations.ts'
import type { Outcome, Repository } from './repository.ts'
import { changed, type EventType, type Task, type TaskEvent, taskEvent } from './task.ts'

const columns = 'id, title, description, completed, version'
/** Any number, as long as no other program takes it for the same database: who holds this lock tells the events. */
const relayLock = 314_159

export const createPostgresRepository = (database: Database): Repository => ({
  list: async ({ after, limit }) => (await database.query(`select ${columns} from task where id > $1 order by id limit $2`, [after, limit])).map(taskOf),

  async find(id) {
    const [row] = await database.query(`select ${columns} from task where id = $1`, [id])
    return row && taskOf(row)
  },

  add: (draft) =>
    database.transaction(async (query) => {
      const [row] = await query(`insert into task (title, description) values ($1, $2) returning ${columns}`, [draft.title, draft.description])
      const task = taskOf(row!)
      await tell(query, [taskEvent('task.created', task)])
      return task
    }),

  change: (id, change, version) =>
    database.transaction(async (query) => {
      const before = await lock(query, id, version)
      if ('refused' in before) return before
      const { task, types } = changed(before.task, change)
      await query('update task set title = $2, completed = $3, version = $4 where id = $1', [id, task.title, task.completed, task.version])
      await tell(
        query,
        types.map((type) => taskEvent(type, task)),
      )
      return { task }
    }),

  remove: (id, version) =>
    database.transaction(async (query) => {
      const before = await lock(query, id, version)
      if ('refused' in before) return before
      await query('delete from task where id = $1', [id])
      await tell(query, [taskEvent('task.deleted', before.task)])
      return before
    }),

  relay: async (limit, deliver) => {
    let failure: Error | undefined
    const count = await database.transaction(async (query) => {
      const [lock] = await query('select pg_try_advisory_xact_lock($1) as held', [relayLock])
      if (!lock?.['held']) return 0
      const rows = await query('select position, id, type, subject, time, data from outbox order by position limit $1', [limit])
      const told: unknown[] = []
      try {
        for (const row of rows) {
          await deliver(eventOf(row))
          told.push(row['position'])
        }
      } catch (error) {
        // What was told until then is still taken out.
        failure = error as Error
      }
      await query('delete from outbox where position = any($1::bigint[])', [told])
      return told.length
    })
    if (failure) throw failure
    return count
  },

  check: () => checkDatabase(database, migrations.length),
  close: () => database.close(),
})

/** The lock on the row also orders the events: whoever changes this task next waits until ours are in the outbox. */
const lock = async (query: Database['query'], id: number, version: number | undefined): Promise<Outcome> => {
  const [row] = await query(`select ${columns} from task where id = $1 for update`, [id])
  if (!row) return { refused: 'missing' }
  const task = taskOf(row)
  return version === undefined || version === task.version ? { task } : { refused: 'stale' }
}

const tell = async (query: Database['query'], events: readonly TaskEvent[]): Promise<void> => {
  for (const { id, type, subject, time, data } of events)
    await query('insert into outbox (id, type, subject, time, data) values ($1, $2, $3, $4, $5)', [id, type, subject, time, JSON.stringify(data)])
}

const taskOf = (row: Row): Task => ({
  id: Number(row['id']),
  title: String(row['title']),
  description: String(row['description']),
  completed: row['completed'] === true,
  version: Number(row['version']),
})

const eventOf = (row: Row): TaskEvent => ({
  id: String(row['id']),
  type: row['type'] as EventType,
  subject: String(row['subject']),
  time: (row['time'] as Date).toISOString(),
  data: row['data'],
})
