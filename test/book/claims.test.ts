import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chapters } from './chapters/index.ts'
import { claims } from './claims.ts'
import { bookFolder, noBook } from './listing.ts'

const stories = join(import.meta.dirname, '..', 'stories')
const list = join(bookFolder, 'claims-01-13.md')

/** The rows that the names of a story's tests give: `… (claims 147, 150)`. */
function namedIn(file: string): number[] {
  const text = readFileSync(join(stories, file), 'utf8')
  return [...text.matchAll(/^ *(?:it|test)\(.*\(claims? ([\d, ]+)\)/gm)].flatMap(([, numbers = '']) => numbers.split(', ').map(Number))
}

test('each claim that a story holds is named by one of its tests', () => {
  const named = new Map<string, number[]>()
  const unnamed = [...claims].filter(([row, proof]) => {
    if (!('story' in proof)) return false
    if (!named.has(proof.story)) named.set(proof.story, namedIn(proof.story))
    return !named.get(proof.story)?.includes(row)
  })
  expect(unnamed).toEqual([])
})

test('each claim that a listing shows has that listing, and it is run', () => {
  const listings = Object.assign({}, ...chapters.map((chapter) => chapter.listings)) as (typeof chapters)[number]['listings']
  const missing = [...claims].filter(([, proof]) => 'listing' in proof && listings[proof.listing]?.see === undefined)
  expect(missing).toEqual([])
})

test.skipIf(!existsSync(list))(existsSync(list) ? 'no claim of a chapter that is followed is forgotten' : noBook, () => {
  const followed = new Set(chapters.map(({ number }) => String(number)))
  const rows = [...readFileSync(list, 'utf8').matchAll(/^\| (\d+) \| (\d+)(?:\.\d+)* \|/gm)]
  const wanted = rows.filter(([, , chapter = '']) => followed.has(chapter)).map(([, row]) => Number(row))
  expect([...claims.keys()].sort((a, b) => a - b)).toEqual(wanted)
})
