// Follows the book and prints the ledger; `--ledger FILE` keeps it, `--chapter N` follows one chapter.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const book = process.env.KNARR_BOOK ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'book')
if (!existsSync(book)) {
  process.stdout.write(`the book is not at ${book} (its listings are no part of Knarr; set KNARR_BOOK to their folder), so nothing of it is run\n`)
  process.exit(0)
}

const { values } = parseArgs({ options: { ledger: { type: 'string' }, chapter: { type: 'string' } } })
const scratch = mkdtempSync(join(tmpdir(), 'knarr-book-'))
const file = values.ledger ?? join(scratch, 'ledger.txt')
const only = values.chapter ? ['-t', `chapter ${values.chapter}( |$)`] : []
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'book', '--reporter=dot', ...only], {
  stdio: 'inherit',
  env: { ...process.env, BOOK_LEDGER: file },
})
if (existsSync(file)) process.stdout.write(`\n${readFileSync(file, 'utf8')}`)
rmSync(scratch, { recursive: true })
process.exitCode = status ?? 1
