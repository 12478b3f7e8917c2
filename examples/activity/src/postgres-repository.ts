import { checkDatabase, type Database, type Row } from '../../common/postgres.ts'
import type { EventType } from './event.ts'
import { migrations } from './migrations.ts'
import type { Entry, Repository } from './repository.ts'

const columns = 'position, source, id, type, subject, time, data'

export const createPostgresRepository = (database: Database): Repository => ({
  async record(event) {
    const { source, id, type, subject, time, data } = event
    // The unique key decides between deliveries that come at the same moment to different Pods.
    const [made] = await database.query(
      `insert into activity (source, id, type, subject, time, data) values ($1, $2, $3, $4, $5, $6)
       on conflict (source, id) do nothing returning ${columns}`,
      [source, id, type, subject, time, JSON.stringify(data)],
    )
    if (made) return { entry: entryOf(made), isNew: true }
    const [known] = await database.query(`select ${columns} from activity where source = $1 and id = $2`, [source, id])
    return { entry: entryOf(known!), isNew: false }
  },

  async list({ subject, before, limit }) {
    const rows = await database.query(
      `select ${columns} from activity
       where ($1::text is null or subject = $1) and ($2::timestamptz is null or (time, position) < ($2, $3::bigint))
       order by time desc, position desc limit $4`,
      [subject ?? null, before?.time ?? null, before?.position ?? null, limit],
    )
    return rows.map(entryOf)
  },

  async newest(subjects) {
    const rows = await database.query(
      `select distinct on (subject) ${columns} from activity where subject = any($1) order by subject, time desc, position desc`,
      [subjects],
    )
    return rows.map(entryOf)
  },

  check: () => checkDatabase(database, migrations.length),
  close: () => database.close(),
})

const entryOf = (row: Row): Entry => ({
  position: Number(row['position']),
  source: String(row['source']),
  id: String(row['id']),
  type: row['type'] as EventType,
  subject: String(row['subject']),
  time: (row['time'] as Date).toISOString(),
  data: row['data'],
})
