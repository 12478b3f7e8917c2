/**
 * What must be seen, written as the terminal shows it: each line must stand in the output, in this order, with any amount of
 * white space between words. Other lines may stand between.
 *
 *     NAME             STATUS  AGE
 *     stateless-flask  Active  {age}
 *
 * `{age}`, `{ip}`, `{port}` (a node port) and `{id}` stand for such a word, `{*}` for any word, `{...}` for any rest of words.
 * A line that begins with `~ ` may stand anywhere; one that begins with `! ` must stand nowhere.
 */
export type Sight = string

const tokens: Record<string, string> = {
  '{age}': String.raw`(?:\d+[ydhms])+`,
  '{ip}': String.raw`\d{1,3}(?:\.\d{1,3}){3}`,
  '{port}': String.raw`3[0-2]\d{3}`,
  '{id}': '[a-z0-9]+',
  '{*}': String.raw`\S+`,
  '{...}': '.*',
}

/** What is missing, as a line for a person; undefined if all is seen. */
export function missing(sight: Sight, output: string): string | undefined {
  const lines = output.split('\n').map(words)
  let next = 0
  for (const line of linesOf(sight)) {
    const [, mark = '', wanted = ''] = /^([~!] )?(.*)$/.exec(line) ?? []
    const pattern = patternOf(wanted)
    const isSeen = lines.some((text) => pattern.test(text))
    if (mark === '! ' && isSeen) return `seen, and it must not be: ${wanted}`
    if (mark === '~ ' && !isSeen) return `not seen: ${wanted}`
    if (mark !== '') continue
    const at = lines.findIndex((text, index) => index >= next && pattern.test(text))
    if (at < 0) return `not seen${next > 0 ? ' after what precedes it' : ''}: ${wanted}`
    next = at + 1
  }
  return undefined
}

/** A sight of nothing but wildcards would hold for any output. */
export function saysSomething(sight: Sight): boolean {
  return linesOf(sight).some(
    (line) =>
      line
        .replace(/^[~!] /, '')
        .replaceAll(/\{[^}]*\}/g, '')
        .trim() !== '',
  )
}

const linesOf = (sight: Sight) =>
  sight
    .split('\n')
    .map(words)
    .filter((line) => line !== '')

const words = (line: string) => line.trim().replaceAll(/\s+/g, ' ')

function patternOf(line: string): RegExp {
  const source = line
    .split(/(\{(?:age|ip|port|id|\*|\.\.\.)\})/)
    .map((part) => tokens[part] ?? part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join('')
  return new RegExp(`^${source}$`)
}
