import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** One listing of the book, as its records say. */
export interface Listing {
  readonly id: string
  readonly chapter: number
  readonly section: string
  readonly title: string
  readonly kind: string
  readonly commands: readonly string[]
  readonly expect: string
  /** The file that the listing shows, below the book's folder. */
  readonly file?: string
  /** Where the reader writes it, relative to cwd. */
  readonly path?: string
  /** The folder the reader is in, relative to the chapter's. */
  readonly cwd?: string
  /** Later listings that print the commands which apply this file. */
  readonly commands_in?: readonly string[]
  readonly placeholders?: readonly string[]
  readonly mode?: 'interactive' | 'follows' | 'background' | 'browser'
}

/** The listings are not part of Knarr: a folder beside the project has them, or the one that is named. */
export const bookFolder = process.env['KNARR_BOOK'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'book')
export const bookIsHere = existsSync(bookFolder)
export const noBook = 'the book is not here (its listings are no part of Knarr; set KNARR_BOOK to their folder), so nothing of it is run'

/** In reading order. */
export function listingsOf(chapter: number): Listing[] {
  return readdirSync(bookFolder)
    .filter((name) => /^listings-.*\.jsonl$/.test(name))
    .sort()
    .flatMap((name) => readFileSync(join(bookFolder, name), 'utf8').split('\n'))
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Listing)
    .filter((listing) => listing.chapter === chapter)
}

export const readListingFile = (file: string) => readFileSync(join(bookFolder, file), 'utf8')
