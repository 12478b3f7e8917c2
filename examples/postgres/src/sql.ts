// sql.js SOCKET USER DATABASE < statements: what the entrypoint uses where the machine has no psql. All statements are one transaction.
import { text } from 'node:stream/consumers'
import pg from 'pg'

const [host, user, database] = process.argv.slice(2)
const client = new pg.Client({ host: host!, user: user!, database: database! })
try {
  await client.connect()
  await client.query(await text(process.stdin))
} catch (error) {
  console.error(`ERROR: ${(error as Error).message}`)
  process.exitCode = 3
} finally {
  await client.end()
}
