import type { Chapter, Entry } from './chapter.ts'
import { commandsOf, followsOf } from './book.ts'
import type { Listing } from './listing.ts'
import { saysSomething } from './sight.ts'

export type How = 'unchanged' | 'substituted' | 'not applicable'

export interface Row {
  readonly id: string
  readonly how: How
  readonly why: string
  readonly passed: boolean
}

/** How a listing is run, and in the reader's words what stands in for what. */
export function howOf(chapter: Chapter, listing: Listing, entry: Entry): { how: How; why: string } {
  if (entry.notApplicable !== undefined) return { how: 'not applicable', why: entry.notApplicable }
  const words = entry.run ? [] : standIns(chapter, listing)
  const why = [...words, ...(entry.substituted === undefined ? [] : [entry.substituted])].join('; ')
  return { how: why === '' ? 'unchanged' : 'substituted', why }
}

const standIns = ({ words }: Chapter, { commands }: Listing) => {
  const says = new Set<string>()
  for (const command of commands) {
    let text = command
    for (const { from, to, says: what } of words) {
      const next = text.replaceAll(from, to)
      if (next !== text) says.add(what)
      text = next
    }
  }
  return [...says]
}

/** Why an entry proves nothing; undefined if it does. */
export function faultOf(chapter: Chapter, listing: Listing, entry: Entry | undefined): string | undefined {
  if (!entry) return 'it has no check'
  if (entry.notApplicable !== undefined) return Object.keys(entry).length > 1 ? 'it is not applicable and has a check' : undefined
  if ((entry.run || entry.replace) && entry.substituted === undefined) return 'it runs other commands and does not say so'
  const sights = [...(entry.see ?? []), ...Object.values(entry.proof ?? {})]
  if (!sights.some(saysSomething)) return 'its check would hold for anything'
  if (entry.outputOf !== undefined) return undefined
  const commands = commandsOf(chapter, listing, entry)
  if (commands.length !== (entry.see?.length ?? 0)) return `it has ${commands.length} commands and ${entry.see?.length ?? 0} sights`
  if (listing.mode === 'follows' && followsOf(listing, entry).length === 0) return 'it follows nothing'
  return undefined
}

export function ledger(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ id }) => id.length))
  const lines = rows.map(({ id, how, why, passed }) => `${id.padEnd(width)}  ${verdict(how, passed)}  ${how}${why === '' ? '' : `: ${why}`}`)
  const count = (how: How) => rows.filter((row) => row.how === how).length
  const ran = rows.filter((row) => row.how !== 'not applicable')
  const failed = ran.filter((row) => !row.passed).length
  const totals = `unchanged ${count('unchanged')}, substituted ${count('substituted')}, not applicable ${count('not applicable')}, failed ${failed} (of ${rows.length} listings, ${ran.length} run)`
  return [...lines, totals].join('\n')
}

const verdict = (how: How, passed: boolean) => (how === 'not applicable' ? '-   ' : passed ? 'pass' : 'FAIL')
