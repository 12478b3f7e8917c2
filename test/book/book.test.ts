import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRoot } from '../stories/harness.ts'
import { ChapterRun } from './book.ts'
import { chapters } from './chapters/index.ts'
import { faultOf, howOf, ledger, type Row } from './ledger.ts'
import { bookIsHere, listingsOf, noBook } from './listing.ts'

const rows: Row[] = []
afterAll(() => {
  const file = process.env['BOOK_LEDGER']
  if (rows.length > 0 && file) writeFileSync(file, `${ledger(rows)}\n`)
})

describe.skipIf(!bookIsHere || !isRoot)(bookIsHere ? 'the book, listing by listing (needs root and kubectl)' : noBook, () => {
  for (const chapter of chapters) {
    const listings = bookIsHere ? listingsOf(chapter.number) : []
    describe(`chapter ${chapter.number}`, () => {
      test('has a check for every listing, that could fail, and none for another', () => {
        const faults = listings
          .map((listing) => [listing.id, faultOf(chapter, listing, chapter.listings[listing.id])])
          .filter(([, fault]) => fault !== undefined)
        expect(faults).toEqual([])
        expect(Object.keys(chapter.listings).filter((id) => !listings.some((listing) => listing.id === id))).toEqual([])
      })
      if (listings.length === 0) return

      let run: ChapterRun
      beforeAll(async () => {
        run = new ChapterRun(chapter)
        await run.begin()
      })
      afterAll(() => run.end())
      for (const listing of listings)
        test(`${listing.id} ${listing.title}`, async ({ skip }) => {
          const entry = chapter.listings[listing.id] ?? {}
          const row = { id: listing.id, ...howOf(chapter, listing, entry) }
          rows.push({ ...row, passed: false })
          if (entry.notApplicable !== undefined) skip(entry.notApplicable)
          await run.run(listing, entry)
          rows[rows.length - 1] = { ...row, passed: true }
        })
    })
  }
})
